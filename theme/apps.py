from django.apps import AppConfig


class ThemeConfig(AppConfig):
    """The stylesheet, built by django-tailwind from `static_src/` and committed."""

    name = "theme"
