from django.apps import AppConfig


class DashboardSiteConfig(AppConfig):
    """The composition root, an app so that `manage.py serve` is found."""

    name = "dashboard_site"
