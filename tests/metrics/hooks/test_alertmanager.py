"""What Alertmanager sends, and what it reads like."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings

from live.announcements.models import Announcement
from metrics.hooks import alertmanager as subject
from metrics.ingest.calls import Call, Sender
from metrics.ingest.problems import Problem
from tests.metrics.hooks.payloads import alertmanager, probe
from tests.metrics.ingest.hostile_lines import hook_bodies


def read(document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return subject.read(Call("POST", "/hooks/alertmanager", {}, {}, body, Sender(1, "shop"), 0, 0))


def one(**changes):
    (alert,) = read(alertmanager(probe(**changes)))
    return alert


def test_summary_description_labels_and_runbook_are_told():
    alert = one()
    assert alert.title == "shop.example.org does not answer"
    assert alert.text.split("\n") == [
        "shop.example.org has been down for over 5m.",
        "alertname: ProbeFailure · instance: shop.example.org · job: http",
        "https://runbooks.example.org/probe",
    ]


@pytest.mark.parametrize(
    "changes, title",
    [
        ({"annotations": {"title": "By title"}}, "By title"),
        ({"annotations": {}}, "ProbeFailure: shop.example.org"),
        ({"annotations": None, "labels": {"alertname": "Watchdog"}}, "Watchdog"),
        ({"annotations": {"description": "Only this"}, "labels": {}}, "Only this"),
        ({"annotations": {}, "labels": {"job": "http"}}, "http"),
        ({"annotations": {"summary": " \n "}, "labels": None}, "shop"),
        ({"annotations": {"summary": "two\nlines"}}, "two lines"),
        ({"annotations": {"summary": "x" * 81}}, "x" * 79 + "…"),
        ({"annotations": {"summary": "x" * 80}}, "x" * 80),
        ({"annotations": {"summary": "a\x00b\ud800c\u202ed"}}, "a b c d"),
        ({"annotations": {"summary": 7}}, "7"),
    ],
)
def test_there_is_always_a_title_that_fits(changes, title):
    assert one(**changes).title == title


def test_a_long_text_is_cut():
    text = one(annotations={"description": "x" * 5_000}).text
    assert len(text) == 2_000
    assert text.endswith("…")


WORDS = {"critical": "critical", "PAGE": "critical", "error": "critical", "P2": "critical", "warning": "warning"}
WORDS |= {"info": "info", "none": "info", "": "warning", "odd": "warning", None: "warning"}


@pytest.mark.parametrize("word, severity", WORDS.items())
def test_the_severity_is_that_of_the_label_or_a_warning(word, severity):
    assert one(labels={"alertname": "x", "severity": word}).severity == severity


@pytest.mark.parametrize("name", ["level", "priority"])
def test_the_severity_may_have_other_names(name):
    assert one(labels={name: "critical"}).severity == "critical"


@pytest.mark.parametrize(
    "status, group, fires",
    [("firing", "resolved", True), ("resolved", "firing", False), ("", "resolved", False), (None, "firing", True)],
)
def test_an_alerts_own_status_counts_and_else_the_groups(status, group, fires):
    (alert,) = read(alertmanager(probe(status=status), status=group))
    assert alert.fires == fires


def test_without_a_fingerprint_the_labels_tell_alerts_apart():
    alerts = [one(fingerprint=None, instance=instance) for instance in ("a", "b", "a")]
    assert alerts[0].fingerprint == alerts[2].fingerprint != alerts[1].fingerprint


@pytest.mark.parametrize("fingerprint", ["x" * 200, "x" * 201, "é\x00\ud800"])
def test_any_fingerprint_can_be_kept(fingerprint):
    kept = one(fingerprint=fingerprint).fingerprint
    assert 0 < len(kept) <= 200
    assert kept.isascii()
    assert kept == one(fingerprint=fingerprint).fingerprint


def test_an_empty_group_tells_nothing():
    assert read(alertmanager()) == []


@pytest.mark.parametrize(
    "document, sentence",
    [
        (b"", "body: expected JSON"),
        (b"{", "body: expected JSON"),
        (b"\xff", "body: expected UTF-8, byte 0 is not"),
        (b"[" * 200_000, "body: expected alerts, got a deeper nesting"),
        (b"9" * 5_000, "body: expected finite numbers, got one of thousands of digits"),
        ([], "body: expected an object, got a list"),
        ({}, "alerts: expected a list, got nothing"),
        ({"alerts": {}}, "alerts: expected a list, got an object"),
        ({"alerts": [{}, "x"]}, "alerts[1]: expected an object, got a text"),
        ({"alerts": [{}] * 1_001}, "alerts: expected at most 1000, got 1001"),
    ],
)
def test_what_is_malformed_is_named(document, sentence):
    with pytest.raises(Problem) as refused:
        read(document)
    assert refused.value.status == 400
    assert sentence in refused.value.message


def status(post, path, body):
    try:
        return post(path, body).status
    except Problem as refused:
        refused.message.encode()  # as an answer will have it
        return refused.status


@given(hook_bodies())
@example(json.dumps({"alerts": [{"labels": {"x": 10**4000}, "values": {"A": 10**4000}, "title": 10**4000}]}).encode())
@example(b'{"alerts": [{"startsAt": ' + b"[" * 900 + b"]" * 900 + b"}]}")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@pytest.mark.parametrize("path", ["/hooks/alertmanager", "/hooks/grafana", "/hooks/json/x"])
def test_nothing_that_a_sender_writes_is_more_than_a_refusal(post, path, body):
    assert status(post, path, body) in (200, 400)
    for title, text in Announcement.objects.values_list("title", "text"):
        assert 0 < len(title) <= 80
        assert len(text) <= 2_000
