"""Watchfloor's settings and the wall."""

from dashboard_site.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.contenders.wall"]  # noqa: F405
