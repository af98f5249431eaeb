from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

TOPICS = ("live.announcements.topic", "live.chat.topic", "live.presence.topic", "live.push.user")


class LiveConfig(AppConfig):
    name = "live"
    verbose_name = _("Rooms and announcements")

    def ready(self) -> None:
        """Make this app's kinds of topic known; they need the models, which are loaded by now."""
        for module in TOPICS:
            import_module(module)
