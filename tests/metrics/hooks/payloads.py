"""Webhooks as their senders document them."""

from __future__ import annotations

from typing import Any

NEVER = "0001-01-01T00:00:00Z"


def alertmanager(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A group as Alertmanager 0.27 sends it; its status is firing when any of its alerts is."""
    status = "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved"
    group = {
        "receiver": "watchfloor",
        "status": status,
        "alerts": list(alerts),
        "groupLabels": {"alertname": "ProbeFailure"},
        "commonLabels": {"alertname": "ProbeFailure", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "http://alerts.example.org:9093",
        "version": "4",
        "groupKey": '{}/{severity="critical"}:{alertname="ProbeFailure"}',
        "truncatedAlerts": 0,
    }
    return group | more


def probe(status: str = "firing", *, instance: str = "shop.example.org", **more: Any) -> dict[str, Any]:
    alert = {
        "status": status,
        "labels": {"alertname": "ProbeFailure", "instance": instance, "job": "http", "severity": "critical"},
        "annotations": {
            "summary": f"{instance} does not answer",
            "description": f"{instance} has been down for over 5m.",
            "runbook_url": "https://runbooks.example.org/probe",
        },
        "startsAt": "2026-02-06T13:08:45.828739266Z",
        "endsAt": NEVER if status == "firing" else "2026-02-06T14:00:45.828Z",
        "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=probe_success+%3D%3D+0&g0.tab=1",
        "fingerprint": f"1a30ba71{instance}",
    }
    return alert | more


def grafana(status: str = "firing", **more: Any) -> dict[str, Any]:
    """Unified alerting, as Grafana 11 sends it."""
    alert = {
        "status": status,
        "labels": {"alertname": "High memory usage", "grafana_folder": "Hosts", "team": "blue", "zone": "us-1"},
        "annotations": {"description": "The system has high memory usage", "summary": "Memory in zone us-1"},
        "startsAt": "2026-10-12T09:51:03.157076+02:00",
        "endsAt": NEVER,
        "generatorURL": "https://grafana.example.org/alerting/1afz29v7z/edit",
        "fingerprint": "c6eadffa33fcdf37",
        "silenceURL": "https://grafana.example.org/alerting/silence/new",
        "dashboardURL": "",
        "panelURL": "",
        "values": {"B": 44.23943737541908, "C": 1},
        "valueString": "[ var='B' labels={} value=44.23943737541908 ]",
    }
    group = {
        "receiver": "My Super Webhook",
        "status": status,
        "orgId": 1,
        "alerts": [alert | more],
        "groupLabels": {},
        "commonLabels": {"team": "blue"},
        "commonAnnotations": {},
        "externalURL": "https://grafana.example.org/",
        "version": "1",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "title": "[FIRING:1]  (blue)",
        "state": "alerting" if status == "firing" else "ok",
        "message": "**Firing**\n\nLabels: ...",
    }
    return group


def grafana_rule(state: str = "alerting", **more: Any) -> dict[str, Any]:
    """The alerting of Grafana 8 and before."""
    rule = {
        "dashboardId": 1,
        "evalMatches": [{"value": 1, "metric": "Count", "tags": {}}],
        "message": "Notification Message",
        "orgId": 1,
        "panelId": 2,
        "ruleId": 12,
        "ruleName": "Panel Title alert",
        "ruleUrl": "http://grafana.example.org/d/abc",
        "state": state,
        "tags": {"severity": "info"},
        "title": "[Alerting] Panel Title alert",
    }
    return rule | more
