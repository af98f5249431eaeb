"""Any JSON as an alert: by the usual names, or by paths in the address."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from metrics.hooks import generic as subject
from metrics.hooks.alerts import Alert
from metrics.ingest.calls import Call, Sender
from metrics.ingest.problems import Problem


def read(document, *, path="/hooks/json/backup", **query):
    body = json.dumps(document).encode()
    return subject.read(Call("POST", path, query, {}, body, Sender(1, "shop"), 0, 0))


def one(document, **more):
    (alert,) = read(document, **more)
    return alert


def problem(document, **query):
    with pytest.raises(Problem) as refused:
        read(document, **query)
    assert refused.value.status == 400
    return refused.value.message


def test_the_usual_names_are_known():
    document = {"title": "Disk", "message": "sda is full", "level": "crit", "key": "sda", "state": "open"}
    assert read(document) == [Alert("backup/sda", True, "Disk", "sda is full", "critical")]


def test_paths_in_the_address_say_where_else():
    document = {
        "job": {"name": "nightly", "log": ["one", "two"], "id": 7, "result": "OK"},
        "grade": "warn",
        "title": "x",
    }
    paths = {
        "title": "job.name",
        "text": "job.log[-1]",
        "severity": "grade",
        "fingerprint": "job.id",
        "status": "job.result",
    }
    assert read(document, **paths) == [Alert("backup/7", False, "nightly", "two", "warning")]


def test_a_path_may_have_alternatives_and_quoted_names():
    assert one({"a b": "yes"}, title='missing || "a b"').title == "yes"


@pytest.mark.parametrize("path", ["missing", "a[0].b", "a[?b > `1`].c", "a[::2]", "*.c"])
def test_a_path_that_finds_nothing_is_as_if_there_were_nothing(path):
    assert one({"a": "text", "text": "told"}, title=path).title == "told"


def test_without_a_severity_it_is_information():
    assert one({"text": "deployed 4.2"}).severity == "info"


@pytest.mark.parametrize("word", ["resolved", "OK", " Closed ", "recovered", "up"])
def test_many_words_end_an_alert(word):
    assert not one({"title": "x", "status": word}).fires


@pytest.mark.parametrize(
    "document", [{"title": "x"}, {"title": "x", "status": "firing"}, {"title": "x", "status": None}]
)
def test_all_else_fires(document):
    assert one(document).fires


def test_without_a_fingerprint_purpose_and_title_tell_alerts_apart():
    fingerprints = {
        one({"title": title}, path=path).fingerprint
        for title in ("a", "b")
        for path in ("/hooks/json/x", "/hooks/json/y", "/hooks/json")
    }
    assert len(fingerprints) == 6


def test_a_list_is_as_many_alerts():
    assert [alert.title for alert in read([{"title": "a"}, {"title": "b"}])] == ["a", "b"]


@pytest.mark.parametrize(
    "document, sentence",
    [
        ({}, "body: expected a title or a text; ?title=… and ?text=… say where they are"),
        ([{"title": "a"}, {"x": 1}], "body[1]: expected a title or a text"),
        ({"title": ["a"]}, "body: expected a title or a text"),
        (7, "body: expected an object, got a number"),
        ([[]], "body[0]: expected an object, got a list"),
    ],
)
def test_what_says_nothing_is_refused(document, sentence):
    assert sentence in problem(document)


@pytest.mark.parametrize(
    "path, sentence",
    [
        ("a..b", "title: expected a JMESPath expression such as alert.title"),
        ("\x00", "title: expected a JMESPath expression such as alert.title"),
        ("(" * 199, "title: expected a JMESPath expression such as alert.title"),
        ("a" * 201, "title: expected a path of at most 200 characters, got 201"),
        ("to_string(@)", "title: expected a path without functions"),
        ("a || [@,@]", "title: expected a path without functions"),
        ("a[?{b: c}]", "title: expected a path without functions"),
    ],
)
def test_a_path_that_is_none_or_makes_much_of_little_is_refused(path, sentence):
    assert sentence in problem({"title": "x"}, title=path)


@pytest.mark.parametrize(
    "path", ["!" * 200, "(" * 99 + "a" + ")" * 99, "a" + "[]" * 99, "a" + ".a" * 99, "a" + "[*]" * 60]
)
def test_a_deep_path_does_no_harm(path):
    document = {"text": "told"}
    for _ in range(50):
        document = {"a": [document], "text": "told"}
    with suppress(Problem):
        assert one(document, title=path).title


def test_it_is_announced_and_ended(told):
    assert told("/hooks/json/backup", {"title": "Backup", "status": "failed"}) == {"announced": 1, "ended": 0}
    assert told("/hooks/json/backup", {"title": "Backup", "status": "ok"}) == {"announced": 0, "ended": 1}
