"""The JSON that a webhook brings, and the sentences for what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

from metrics.ingest.problems import Problem

MOST = 1_000
"""Alerts in one request."""


def parse(body: bytes) -> Any:
    """Raises Problem 400."""
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise bad(f"body: expected UTF-8, byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        raise bad(f"body: expected JSON, {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise bad("body: expected JSON, got too deep a nesting") from None
    except ValueError:
        raise bad("body: expected JSON, got a number of thousands of digits") from None


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
