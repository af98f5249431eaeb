"""Prometheus Alertmanager's webhook, version 4 of its JSON: a group of alerts, each with labels and annotations.

prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metrics.hooks.alerts import Alert, Severity, fit_fingerprint, fit_text, fit_title, listed, severity, texts, time_of
from metrics.hooks.documents import expect_object, expect_objects
from metrics.ingest.calls import Call
from metrics.ingest.json_bodies import parse
from metrics.sentences import sentence as _

SUMMARIES, DESCRIPTIONS = ("summary", "title"), ("description", "message")
SEVERITY_LABELS = ("severity", "level", "priority")


def read(call: Call) -> list[Alert]:
    """The alerts of a body; fields that are not known are passed over. Raises Problem 400."""
    document = expect_object(parse(call.body, _("alerts")), "body")
    alerts = expect_objects(document.get("alerts"), "alerts")
    return [read_alert(alert, document, call.sender.name) for alert in alerts]


def read_alert(alert: Mapping[str, Any], group: Mapping[str, Any], source: str, details: str = "") -> Alert:
    """`details` is a paragraph of the text. A firing alert's `endsAt` says nothing, so that it is not looked at."""
    labels, annotations = texts(alert.get("labels")), texts(alert.get("annotations"))
    summary, description = _first(annotations, SUMMARIES), _first(annotations, DESCRIPTIONS)
    named = ": ".join(filter(None, (labels.get("alertname", ""), labels.get("instance", ""))))
    return Alert(
        fingerprint=_fingerprint(alert, labels),
        fires=(alert.get("status") or group.get("status")) != "resolved",
        title=fit_title(summary, named, description, *labels.values(), source),
        text=fit_text(description, details, listed(_told(labels)), annotations.get("runbook_url", "")),
        severity=severity(_first(labels, SEVERITY_LABELS), Severity.WARNING),
        since=time_of(alert.get("startsAt")),
    )


def _first(values: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")


def _told(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """The labels without the severity, which a sign shows, and without those that are for programs."""
    return [(name, value) for name, value in labels.items() if name not in SEVERITY_LABELS and name[:2] != "__"]


def _fingerprint(alert: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The sender's own; before 0.19 it sent none, and labels make an alert what it is."""
    given = alert.get("fingerprint")
    if isinstance(given, str) and given:
        return fit_fingerprint(given)
    return fit_fingerprint(*(f"{name}={value}" for name, value in sorted(labels.items())))
