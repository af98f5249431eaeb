from django.contrib.auth.views import LogoutView
from django.urls import path

from live.accounts import views as accounts
from live.accounts.style import style
from live.announcements import views as announcements
from live.chat import views as chat
from live.presence.views import online

urlpatterns = [
    path("chat/", chat.rooms, name="rooms"),
    path("chat/<slug:room>/", chat.room, name="room"),
    path("chat/<slug:room>/messages/", chat.post_message, name="post_message"),
    path("chat/<slug:room>/retract/", chat.retract, name="retract"),
    path("online/", online, name="online"),
    path("notifications/", announcements.announcements, name="announcements"),
    path("notifications/withdraw/", announcements.withdraw, name="withdraw"),
    path("accounts/login/", accounts.SignIn.as_view(), name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("account/", accounts.account, name="account"),
    path("account/password/", accounts.change_password, name="change_password"),
    path("account/tokens/", accounts.make_token, name="make_token"),
    path("account/tokens/revoke/", accounts.revoke_token, name="revoke_token"),
    path("account/theme/", accounts.choose_theme, name="theme"),
    path("account/style.css", style, name="account_style"),
]
