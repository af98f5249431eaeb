from django.urls import path

from metrics.boards.consumers import BoardConsumer
from metrics.sources.consumers import SourceConsumer, SourcesConsumer

websocket_urlpatterns = [
    path("ws/boards/<slug:slug>/", BoardConsumer.as_asgi()),
    path("ws/sources/", SourcesConsumer.as_asgi()),
    path("ws/sources/<str:name>/", SourceConsumer.as_asgi()),
]
