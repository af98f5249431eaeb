"""Any JSON as an alert: what it says is looked for under the usual names, or where the address says.

    /hooks/json/backup?title=job.name&text=job.log&status=job.result

`title`, `text`, `severity`, `fingerprint` and `status` are JMESPath expressions (jmespath.org). The last part of the
path names the sender's purpose; it tells apart alerts that bring no fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import jmespath
from jmespath.exceptions import JMESPathError

from metrics.hooks.alerts import Alert, Severity, fit_fingerprint, fit_text, fit_title, is_scalar, scalar, severity
from metrics.hooks.documents import bad, expect_object, expect_objects
from metrics.ingest.calls import Call
from metrics.ingest.json_bodies import parse
from metrics.sentences import placed
from metrics.sentences import sentence as _

NAMES = {
    "title": ("title", "subject", "summary", "alertname", "name", "event"),
    "text": ("text", "message", "description", "body", "msg", "details"),
    "severity": ("severity", "level", "priority", "urgency"),
    "fingerprint": ("fingerprint", "dedup_key", "incident_key", "incident_id", "alert_id", "key"),
    "status": ("status", "state", "event_action", "action"),
}
ENDED = frozenset(
    {"resolved", "resolve", "ok", "closed", "close", "recovered", "recovery", "cleared", "normal", "inactive", "up"}
)
LONGEST = 200
# With lists of the sender's own making, and with functions, a short expression makes gigabytes of a small body.
REFUSED = frozenset({"multi_select_list", "multi_select_dict", "function_expression"})


def read(call: Call) -> list[Alert]:
    """An alert for the object that the body is, or for each of a list of them. Raises Problem 400."""
    paths = {name: _compiled(name, call.query[name]) for name in NAMES if call.query.get(name)}
    document = parse(call.body, _("alerts"))
    purpose = unquote(call.path.partition("/hooks/json")[2]).strip("/")
    if isinstance(document, list):
        found = expect_objects(document, "body")
        return [_read(one, paths, purpose, f"body[{index}]") for index, one in enumerate(found)]
    return [_read(expect_object(document, "body"), paths, purpose, "body")]


def _read(document: dict[str, Any], paths: Mapping[str, Any], purpose: str, place: str) -> Alert:
    said = {name: _found(document, paths.get(name), usual) for name, usual in NAMES.items()}
    title = fit_title(said["title"], said["text"])
    if not title:
        raise bad(placed(place, _("expected a title or a text; ?title=… and ?text=… say where they are")))
    return Alert(
        fingerprint=fit_fingerprint(purpose, said["fingerprint"] or title),
        fires=said["status"].strip().lower() not in ENDED,
        title=title,
        text=fit_text(said["text"]),
        severity=severity(said["severity"], Severity.INFO),
    )


def _found(document: dict[str, Any], path: Any, usual: Sequence[str]) -> str:
    """A text or a number, as text; "" when there is none."""
    if path is not None:
        return _scalar(_search(path, document))
    return next(filter(None, (_scalar(document.get(name)) for name in usual)), "")


def _scalar(value: Any) -> str:
    return scalar(value) if is_scalar(value) else ""


def _search(path: Any, document: dict[str, Any]) -> Any:
    try:
        return path.search(document)
    except (JMESPathError, RecursionError, TypeError, ValueError):
        # Comparing and slicing what is of another type; it is as if there were nothing.
        return None


def _compiled(name: str, path: str) -> Any:
    if len(path) > LONGEST:
        fault = _("expected a path of at most %(most)d characters, got %(n)d", most=LONGEST, n=len(path))
        raise bad(placed(name, fault))
    try:
        compiled = jmespath.compile(path)
    except (JMESPathError, RecursionError):
        raise bad(placed(name, _("expected a JMESPath expression such as alert.title"))) from None
    if not REFUSED.isdisjoint(_kinds(compiled.parsed)):
        raise bad(placed(name, _("expected a path without functions and without lists or objects made in it")))
    return compiled


def _kinds(tree: Any) -> set[str]:
    """The kinds of all parts of an expression."""
    kinds, parts = set(), [tree]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            kinds.add(part["type"])
            parts.extend(part["children"])
    return kinds
