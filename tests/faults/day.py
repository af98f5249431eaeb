"""`manage.py serve` in which what takes a day takes seconds. Run as a module, by the tests of a long day."""

from __future__ import annotations

import os
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard_site.settings"

import django
from django.conf import settings

SESSION_S = 6
GROUP_EXPIRY_S = 4


def shorten() -> None:
    """Ages and grace times; the rhythm of beats, ticks and healing stays."""
    from live.chat import attendance
    from live.presence import peers
    from metrics.series import retention
    from metrics.sources import collector

    attendance.GRACE_S, attendance.SETTLE_S = 1.0, 2.0
    peers.DIGEST_EVERY_S, peers.SILENT_S = 0.5, 1.5
    retention.RAW_MS, retention.HOUR_MS, retention.ROLLUP_MS = {"sqlite": 6_000}, 1_000, 20_000
    collector.EXPIRE_EVERY_S = 1.0


if __name__ == "__main__":
    settings.SESSION_COOKIE_AGE = SESSION_S
    if not settings.REDIS_URL:
        layers: Any = settings.CHANNEL_LAYERS
        layers["default"]["CONFIG"]["group_expiry"] = GROUP_EXPIRY_S
    django.setup()
    shorten()
    from django.core.management import call_command

    call_command("serve")
