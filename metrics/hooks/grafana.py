"""Grafana's webhook: of unified alerting, which is Alertmanager's with more fields, and of the alerting before 9.

grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from metrics.hooks.alertmanager import read_alert
from metrics.hooks.alerts import Alert, Severity, fit_fingerprint, fit_text, fit_title, listed, scalar, severity, texts
from metrics.hooks.documents import expect_object, expect_objects
from metrics.ingest.calls import Call
from metrics.ingest.json_bodies import parse
from metrics.sentences import sentence as _

QUIET_STATES = frozenset({"ok", "paused", "pending"})
"""States of the old alerting in which nothing fires."""


def read(call: Call) -> list[Alert]:
    """Raises Problem 400."""
    document = expect_object(parse(call.body, _("alerts")), "body")
    if "alerts" not in document and "ruleName" in document:
        return [_read_rule(document, call.sender.name)]
    alerts = expect_objects(document.get("alerts"), "alerts")
    return [read_alert(alert, document, call.sender.name, _values(alert.get("values"))) for alert in alerts]


def _read_rule(rule: Mapping[str, Any], source: str) -> Alert:
    said = texts(rule)
    found = rule.get("evalMatches")
    matches = [texts(match) for match in found] if isinstance(found, list) else []
    return Alert(
        fingerprint=fit_fingerprint("rule", said.get("orgId", ""), said.get("ruleId") or said.get("ruleName", "")),
        fires=said.get("state") not in QUIET_STATES,
        title=fit_title(said.get("ruleName", ""), said.get("title", ""), source),
        text=fit_text(said.get("message", ""), listed((m.get("metric", ""), m.get("value", "")) for m in matches)),
        severity=severity(texts(rule.get("tags")).get("severity"), Severity.WARNING),
    )


def _values(values: Any) -> str:
    """The figures that the rule was judged by, each under the letter of its query."""
    if not isinstance(values, Mapping):
        return ""
    finite = {name: value for name, value in values.items() if _is_finite(value)}
    return listed((name, scalar(value)) for name, value in sorted(finite.items()))


def _is_finite(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
