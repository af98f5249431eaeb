"""What Grafana sends: of unified alerting, and of the alerting before it."""

from __future__ import annotations

import json

import pytest

from metrics.hooks import grafana as subject
from metrics.ingest.calls import Call, Sender
from tests.metrics.hooks.payloads import grafana, grafana_rule


def one(document):
    body = json.dumps(document).encode()
    (alert,) = subject.read(Call("POST", "/hooks/grafana", {}, {}, body, Sender(1, "shop"), 0, 0))
    return alert


def test_a_unified_alert_is_told_with_its_values():
    alert = one(grafana())
    assert (alert.title, alert.severity, alert.fires) == ("Memory in zone us-1", "warning", True)
    assert alert.text.split("\n") == [
        "The system has high memory usage",
        "B: 44.2394 · C: 1",
        "alertname: High memory usage · grafana_folder: Hosts · team: blue · zone: us-1",
    ]
    assert alert.fingerprint == "c6eadffa33fcdf37"


def test_a_resolved_alert_has_the_fingerprint_with_which_it_fired():
    assert one(grafana("resolved")).fingerprint == one(grafana()).fingerprint
    assert not one(grafana("resolved")).fires


@pytest.mark.parametrize("values", [None, [], {}, {"A": None, "B": float("nan"), "C": "x"}])
def test_values_that_say_nothing_are_passed_over(values):
    assert one(grafana(values=values)).text.split("\n")[1].startswith("alertname:")


@pytest.mark.parametrize(
    "state, fires", [("alerting", True), ("no_data", True), ("ok", False), ("paused", False), ("pending", False)]
)
def test_the_state_of_an_old_rule_says_whether_it_fires(state, fires):
    assert one(grafana_rule(state)).fires == fires


def test_an_old_rule_is_told_in_its_words():
    alert = one(grafana_rule())
    assert (alert.title, alert.text) == ("Panel Title alert", "Notification Message\nCount: 1")
    assert (alert.severity, alert.fingerprint) == ("info", "rule/1/12")
    assert one(grafana_rule("ok")).fingerprint == alert.fingerprint
    assert one(grafana_rule(ruleId=13)).fingerprint != alert.fingerprint


def test_it_is_announced_and_ended(told):
    for firing, resolved in ((grafana(), grafana("resolved")), (grafana_rule(), grafana_rule("ok"))):
        assert told("/hooks/grafana", firing) == {"announced": 1, "ended": 0}
        assert told("/hooks/grafana", resolved) == {"announced": 0, "ended": 1}
