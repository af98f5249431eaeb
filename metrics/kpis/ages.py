"""How long ago, as a language says it."""

from __future__ import annotations

from django.utils.translation import pgettext

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def ago(seconds: float) -> str:
    """Such as "3 h ago", in whole units, rounded down; what lies in the future is "now"."""
    passed = int(seconds)
    if passed < 1:
        return pgettext("age", "now")
    if passed < MINUTE:
        return pgettext("age", "%(n)s s ago") % {"n": passed}
    if passed < HOUR:
        return pgettext("age", "%(n)s min ago") % {"n": passed // MINUTE}
    if passed < 2 * DAY:
        return pgettext("age", "%(n)s h ago") % {"n": passed // HOUR}
    return pgettext("age", "%(n)s d ago") % {"n": passed // DAY}
