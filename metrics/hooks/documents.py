"""What a webhook's JSON has to be, and the sentences for what is wrong with it."""

from __future__ import annotations

from typing import Any

from metrics.ingest.problems import Problem
from metrics.sentences import placed
from metrics.sentences import sentence as _

MOST = 1_000
"""Alerts in one request."""


def expect_object(value: Any, place: str) -> dict[str, Any]:
    """Raises Problem 400."""
    if not isinstance(value, dict):
        raise bad(placed(place, _("expected an object, got %(got)s", got=_kind(value))))
    return value


def expect_objects(value: Any, place: str) -> list[dict[str, Any]]:
    """Raises Problem 400."""
    if not isinstance(value, list):
        raise bad(placed(place, _("expected a list, got %(got)s", got=_kind(value))))
    if len(value) > MOST:
        raise bad(placed(place, _("expected at most %(most)d, got %(n)d", most=MOST, n=len(value))))
    return [expect_object(one, f"{place}[{index}]") for index, one in enumerate(value)]


def bad(sentence: str) -> Problem:
    return Problem(400, sentence)


def _kind(value: Any) -> str:
    if value is None:
        return _("nothing")
    kinds = {dict: _("an object"), list: _("a list"), str: _("a text"), bool: _("true or false")}
    return kinds.get(type(value), _("a number"))
