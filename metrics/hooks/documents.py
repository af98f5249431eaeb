"""What a webhook's JSON has to be, and the sentences for what is wrong with it."""

from __future__ import annotations

from typing import Any

from metrics.ingest.problems import Problem

MOST = 1_000
"""Alerts in one request."""


def expect_object(value: Any, place: str) -> dict[str, Any]:
    """Raises Problem 400."""
    if not isinstance(value, dict):
        raise bad(f"{place}: expected an object, got {_kind(value)}")
    return value


def expect_objects(value: Any, place: str) -> list[dict[str, Any]]:
    """Raises Problem 400."""
    if not isinstance(value, list):
        raise bad(f"{place}: expected a list, got {_kind(value)}")
    if len(value) > MOST:
        raise bad(f"{place}: expected at most {MOST}, got {len(value)}")
    return [expect_object(one, f"{place}[{index}]") for index, one in enumerate(value)]


def bad(sentence: str) -> Problem:
    return Problem(400, sentence)


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return kinds.get(type(value), "a number")
