from django.urls import path

from live.announcements.consumers import AnnouncementsConsumer
from live.chat.consumers import RoomConsumer
from live.presence.consumers import OnlineConsumer

websocket_urlpatterns = [
    path("ws/chat/", RoomConsumer.as_asgi()),
    path("ws/chat/<slug:room>/", RoomConsumer.as_asgi()),
    path("ws/online/", OnlineConsumer.as_asgi()),
    path("ws/notifications/", AnnouncementsConsumer.as_asgi()),
]
