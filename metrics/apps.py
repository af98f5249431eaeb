from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

TOPICS = ("metrics.boards.arrivals", "metrics.boards.topic", "metrics.sources.topic")


class MetricsConfig(AppConfig):
    name = "metrics"
    verbose_name = _("Metrics")

    def ready(self) -> None:
        """Make this app's kinds of topic known; they need the models, which are loaded by now."""
        for module in TOPICS:
            import_module(module)
