"""JSON documents that are fetched, and the numbers that paths pick out of them."""

from __future__ import annotations

import base64
import json
import math
import threading
import time

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.ingest.calls import Call, Reason, Sender
from metrics.series.readings import Identity, Reading
from metrics.sources import http_json
from metrics.sources.http_json import read_values, take
from metrics.sources.models import Pull, Source
from metrics.sources.pulling import PullFailed
from tests.servers.pulled import pulled_server

NOW = 1_795_154_400_000
CALL = Call("GET", "", {}, {}, b"", Sender(7, "shop", (("site", "riga"),)), NOW, NOW - 3_600_000)
QUEUES = {
    "up": True,
    "total": "12.5",
    "queues": [
        {"name": "mail", "depth": 4, "meta": {"region": "eu"}},
        {"name": "print", "depth": 0, "meta": {"region": None}},
    ],
}


def taken(document, *values):
    return take(document, read_values(list(values)), CALL)


def numbers(document, *values):
    return [(r.identity.metric, dict(r.identity.labels), r.value) for r in taken(document, *values).readings]


def test_a_path_gives_a_number():
    (reading,) = taken(QUEUES, {"metric": "mail", "path": "queues[0].depth", "unit": "1"}).readings
    assert reading == Reading(Identity(7, "mail", (("site", "riga"),)), NOW, 4.0, "1", "gauge")


def test_a_numeric_text_is_a_number_and_true_is_one():
    found = numbers(QUEUES, {"metric": "total", "path": "total"}, {"metric": "up", "path": "up"})
    assert [value for _name, _labels, value in found] == [12.5, 1.0]


def test_a_path_gives_a_list_of_objects_with_value_and_labels():
    wanted = {
        "metric": "depth",
        "path": "queues[]",
        "value": "depth",
        "labels": {"queue": "name", "region": "meta.region", "kind": "'redis'"},
    }
    assert numbers(QUEUES, wanted) == [
        ("depth", {"queue": "mail", "region": "eu", "kind": "redis", "site": "riga"}, 4.0),
        ("depth", {"queue": "print", "kind": "redis", "site": "riga"}, 0.0),
    ]


def test_an_expression_may_compute():
    assert numbers(QUEUES, {"metric": "sum", "path": "sum(queues[].depth)"})[0][2] == 4.0


@pytest.mark.parametrize(
    "path, more, words",
    [
        ("nothing.here", {}, ["nothing.here", "found nothing"]),
        ("queues[0]", {}, ["queues[0]", "an object with name, depth, meta"]),
        ("queues[0].name", {}, ["queues[0].name", '"mail"']),
        ("queues", {}, ["queues", "list", "value"]),
        ("queues", {"value": "meta"}, ["queues[0].meta", "an object with region"]),
        ("queues", {"value": "missing"}, ["queues[0].missing", "found nothing"]),
        ("sum(queues)", {}, ["sum(queues)"]),
    ],
)
def test_an_error_names_the_path_and_what_was_found(path, more, words):
    error = taken(QUEUES, {"metric": "depth", "path": path} | more).error
    for word in ("depth", *words):
        assert word in error


def test_what_is_wrong_with_one_value_does_not_spoil_the_others():
    found = taken(QUEUES, {"metric": "a", "path": "none"}, {"metric": "b", "path": "queues[0].depth"})
    assert [reading.identity.metric for reading in found.readings] == ["b"]
    assert found.rejected == {Reason.NOT_A_NUMBER: 1}


def test_numbers_that_cannot_be_kept_are_rejected():
    wanted = {"metric": "n", "path": "[]", "value": "n"}
    found = taken([{"n": "1e999"}, {"n": 10**400}, {"n": "nan"}, {"n": 1}, {"n": "1_000"}], wanted)
    assert [reading.value for reading in found.readings] == [1.0]
    assert found.rejected == {Reason.NOT_FINITE: 3, Reason.NOT_A_NUMBER: 1}


def test_labels_that_cannot_be_kept_are_rejected():
    found = taken({"n": 1, "x": "a\u0000b"}, {"metric": "n", "path": "n", "labels": {"x": "x"}})
    assert (found.readings, found.rejected) == ([], {Reason.BAD_LABELS: 1})


@pytest.mark.parametrize(
    "values, word",
    [
        ([], "list"),
        ({"metric": "a", "path": "b"}, "list"),
        (["a"], "values[0]"),
        ([{"metric": "a"}], "values[0].path"),
        ([{"metric": "a", "path": "b"}, {"path": "b"}], "values[1].metric"),
        ([{"metric": "a", "path": "b["}], "b["),
        ([{"metric": "a", "path": "b", "labels": {"x": "]"}}], "values[0].labels.x"),
        ([{"metric": "a", "path": "b", "labels": ["x"]}], "values[0].labels"),
        ([{"metric": "a", "path": 5}], "values[0].path"),
        ([{"metric": "a", "path": "b", "colour": "red"}], "values[0]"),
        ([{"metric": "a" * 201, "path": "b"}], "values[0].metric"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_their_place(values, word):
    with pytest.raises(ValidationError) as caught:
        http_json.check(Pull(url="http://x/", values=values))
    assert word in str(caught.value.message_dict["values"])


def test_settings_without_an_address_are_refused():
    with pytest.raises(ValidationError) as caught:
        http_json.check(Pull(values=[{"metric": "a", "path": "b"}]))
    assert "url" in caught.value.message_dict


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(documents, st.sampled_from(["a", "a.b", "[]", "[].a", "a[*].b", "max(a)", "*", "@", "a || b", "length(@)"]))
def test_no_document_breaks_it(document, path):
    found = taken(document, {"metric": "m", "path": path, "value": "a", "labels": {"b": "b"}})
    assert all(math.isfinite(reading.value) for reading in found.readings)
    assert bool(found.rejected) == bool(found.error)


@pytest.fixture
def page():
    with pulled_server() as page:
        yield page


def pull(page, **fields):
    source = Source(pk=7, name="shop", kind="http")
    values = [{"metric": "depth", "path": "queues[]", "value": "depth", "labels": {"queue": "name"}}]
    return http_json.pull(Pull(source=source, url=f"{page.url}/status", values=values, **fields), NOW)


@pytest.mark.django_db
def test_a_document_is_fetched_with_a_password_or_a_token(page):
    page.documents["/status"] = QUEUES
    assert [reading.value for reading in pull(page).readings] == [4.0, 0.0]
    pull(page, user="bob", secret="s3cret")
    pull(page, secret="t0ken")
    sent = [asked.headers.get("authorization") for asked in page.asked]
    assert sent == [None, "Basic " + base64.b64encode(b"bob:s3cret").decode(), "Bearer t0ken"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "document, status, word",
    [
        (b"<html>", 200, "JSON"),
        (b"[" * 200_000, 200, "JSON"),
        (b'{"queues": [{"name": "a", "depth": NaN}]}', 200, "NaN"),
        (b"\xff\xfe", 200, "JSON"),
        (QUEUES, 500, "500"),
        ({"queues": "none"}, 200, "queues"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error_in_words(page, document, status, word):
    page.documents["/status"], page.statuses["/status"] = document, status
    with pytest.raises(PullFailed) as caught:
        pull(page, secret="t0ken")
    assert word in str(caught.value)
    assert "t0ken" not in str(caught.value)


@pytest.mark.django_db
def test_an_empty_list_is_no_error(page):
    page.documents["/status"] = {"queues": []}
    assert pull(page).readings == []


@pytest.mark.django_db
def test_an_answer_that_hangs_is_cut_off(page):
    page.documents["/status"] = lambda: threading.Event().wait(30)
    started = time.monotonic()
    with pytest.raises(PullFailed):
        pull(page, timeout_s=1)
    assert time.monotonic() - started < 3


def test_the_example_in_the_documentation_works():
    example = http_json.__doc__.split("\n\n")[2].strip()
    assert numbers(QUEUES, json.loads(example)) == [
        ("queue.depth", {"queue": "mail", "site": "riga"}, 4.0),
        ("queue.depth", {"queue": "print", "site": "riga"}, 0.0),
    ]
