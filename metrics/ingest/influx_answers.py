"""What clients of an Influx server ask beside writing, and the words in which they expect their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from metrics.ingest.calls import Answer, Call, Endpoint, Outcome, Reason, Taken
from metrics.ingest.problems import Problem
from metrics.sentences import placed
from metrics.sentences import sentence as _

VERSION = "1.8.0"
"""The protocol that is spoken; clients choose by it what they may send."""
SERVER = {"X-Influxdb-Version": VERSION, "X-Influxdb-Build": "Watchfloor"}
HARMLESS = frozenset({Reason.NOT_A_NUMBER})
"""Reasons that are no fault of the sender: what is well said and not kept."""
LONGEST_ERROR = 500
CODES = {
    401: "unauthorized",
    403: "forbidden",
    405: "method not allowed",
    413: "request too large",
    503: "unavailable",
}
"""The words of version 2 by the codes of HTTP."""
CREATE = re.compile(r'\s*CREATE\s+DATABASE\s+("[^"]+"|[\w.-]+)(\s+WITH\s[^;]*)?;?\s*', re.IGNORECASE)
LONGEST_QUERY = 1_000


def written_v1(taken: Taken, outcome: Outcome) -> Answer:
    error = _error(taken, outcome)
    return _refused({"error": error}, error) if _is_refused(taken, outcome) else _written(error)


def written_v2(taken: Taken, outcome: Outcome) -> Answer:
    error = _error(taken, outcome)
    body = {"code": "invalid", "message": error}
    return _refused(body, error) if _is_refused(taken, outcome) else _written(error)


def refused_v1(problem: Problem, headers: Mapping[str, str]) -> Answer:
    more = _in_header(problem.message) | problem.headers
    return _in_json(problem.status, {"error": problem.message}, more)


def refused_v2(problem: Problem, headers: Mapping[str, str]) -> Answer:
    body = {"code": CODES.get(problem.status, "invalid"), "message": problem.message}
    return _in_json(problem.status, body, _in_header(problem.message) | problem.headers)


def _is_refused(taken: Taken, outcome: Outcome) -> bool:
    """Whether nothing could be taken, through a fault of the sender. New series without room are none."""
    is_any = outcome.new or outcome.duplicates or outcome.refused
    return not is_any and not HARMLESS.issuperset(taken.rejected)


def _error(taken: Taken, outcome: Outcome) -> str:
    if taken.error or not outcome.refused:
        return taken.error
    return f"{outcome.refused} samples of new series were not stored: the source has as many series as it may"


def _written(error: str) -> Answer:
    return Answer(204, headers=SERVER | _in_header(error))


def _refused(body: Mapping[str, str], error: str) -> Answer:
    return _in_json(400, body, _in_header(error))


def _in_header(error: str) -> dict[str, str]:
    text = error[:LONGEST_ERROR].encode("ascii", "backslashreplace").decode()
    return {"X-Influxdb-Error": text} if text else {}


def _in_json(status: int, body: Mapping[str, Any], headers: dict[str, str]) -> Answer:
    return Answer(status, json.dumps(body).encode() + b"\n", SERVER | {"Content-Type": "application/json"} | headers)


def _ping(_taken: Taken, _outcome: Outcome) -> Answer:
    return Answer(204, headers=SERVER)


def _health(_taken: Taken, _outcome: Outcome) -> Answer:
    health = {"name": "watchfloor", "message": "ready for writes", "status": "pass", "checks": [], "version": VERSION}
    return _in_json(200, health, {})


def _take_query(call: Call) -> Taken:
    """Nothing: writers make their database first, and here every database is there. Raises Problem for all else."""
    query = call.query.get("q", "") or _posted(call.body)
    if len(query) > LONGEST_QUERY or not CREATE.fullmatch(query):
        raise Problem(400, placed("q", _("expected CREATE DATABASE and a name; there are no other queries here")))
    return Taken()


def _posted(body: bytes) -> str:
    """The query in a form's body."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=20).get("q", [""])[0]
    except ValueError:
        return ""


def _queried(_taken: Taken, _outcome: Outcome) -> Answer:
    return _in_json(200, {"results": [{"statement_id": 0}]}, {})


def _nothing(_call: Call) -> Taken:
    return Taken()


SMALL = 64 * 1024
READING = ("GET", "HEAD")
ENDPOINTS = (
    Endpoint("influx_ping", re.compile("/ping/?"), READING, _nothing, _ping, SMALL, SMALL, without_token=True),
    Endpoint("influx_health", re.compile("/health/?"), READING, _nothing, _health, SMALL, SMALL, without_token=True),
    Endpoint(
        "influx_query",
        re.compile("/query/?"),
        ("GET", "POST"),
        _take_query,
        _queried,
        SMALL,
        SMALL,
        is_pure=True,
        query_token=True,
    ),
)
