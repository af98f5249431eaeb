"""What clients of an Influx server are answered, when they write and when they ask."""

from __future__ import annotations

import json

import pytest

from live.clock import now_ms
from metrics.ingest import line_protocol
from metrics.ingest.calls import MIB, Answer, Call, Outcome, Sender
from metrics.ingest.problems import Problem

ENDPOINTS = {endpoint.name: endpoint for endpoint in line_protocol.ENDPOINTS}


def call(body, *, path="/write", **query):
    now = now_ms()
    return Call("POST", path, query, {}, body.encode(), Sender(7, "shop"), now, now - 86_400_000)


def answered(name, body, *, new=None, refused=0, **more):
    taken = line_protocol.take(call(body, **more))
    outcome = Outcome(new=len(taken.readings) - refused if new is None else new, refused=refused)
    return ENDPOINTS[name].answer(taken, outcome)


@pytest.mark.parametrize("name", ["influx", "influx2"])
def test_what_is_right_is_answered_without_a_word(name):
    answer = answered(name, "a b=1")
    assert (answer.status, answer.body) == (204, b"")
    assert "X-Influxdb-Error" not in answer.headers


@pytest.mark.parametrize("name", ["influx", "influx2"])
def test_a_part_that_is_rejected_is_named_in_a_header(name):
    answer = answered(name, 'good v=1\nb\u00e4d \u2028 v="\n')
    assert answer.status == 204
    assert answer.headers["X-Influxdb-Error"].startswith("line 2: expected ")
    assert answer.headers["X-Influxdb-Error"].isascii()


def test_a_body_of_which_nothing_could_be_taken_is_refused_in_the_words_of_its_protocol():
    old, new = (answered(name, "nonsense") for name in ("influx", "influx2"))
    assert (old.status, new.status) == (400, 400)
    assert list(json.loads(old.body)) == ["error"]
    assert json.loads(new.body) == {"code": "invalid", "message": json.loads(old.body)["error"]}
    assert "line 1: expected a measurement" in json.loads(old.body)["error"]


def test_a_body_of_text_alone_is_right_and_brings_nothing():
    answer = answered("influx2", 'a state="on"')
    assert answer.status == 204
    assert "text is not kept" in answer.headers["X-Influxdb-Error"]


def test_new_series_without_room_are_no_fault_of_the_request():
    answer = answered("influx2", "a b=1", new=0, refused=1)
    assert answer.status == 204
    assert "as many series as it may" in answer.headers["X-Influxdb-Error"]


def test_writing_has_room_for_25_mib_line_by_line():
    for name in ("influx", "influx2"):
        endpoint = ENDPOINTS[name]
        assert (endpoint.largest, endpoint.unpacked, endpoint.by_line) == (25 * MIB, 25 * MIB, True)


@pytest.mark.parametrize("path, name", [("/write", "influx"), ("/api/v2/write", "influx2"), ("/ping", "influx_ping")])
def test_addresses_are_those_of_influx(path, name):
    assert ENDPOINTS[name].paths.fullmatch(path)
    assert not ENDPOINTS[name].paths.fullmatch(f"{path}/x")


def stub(name, **more) -> Answer:
    endpoint = ENDPOINTS[name]
    return endpoint.answer(endpoint.take(call("", **more)), Outcome())


def test_ping_and_health_are_answered_for_everybody():
    assert ENDPOINTS["influx_ping"].without_token
    assert ENDPOINTS["influx_health"].without_token
    ping, health = stub("influx_ping"), stub("influx_health")
    assert (ping.status, ping.body) == (204, b"")
    assert ping.headers["X-Influxdb-Version"]
    assert json.loads(health.body)["status"] == "pass"


@pytest.mark.parametrize(
    "query", ["CREATE DATABASE telegraf", 'create database "my db"', 'CREATE DATABASE "x" WITH DURATION 3d;']
)
def test_a_database_can_be_made(query):
    assert json.loads(stub("influx_query", q=query).body) == {"results": [{"statement_id": 0}]}


def test_a_database_can_be_made_by_a_form():
    endpoint = ENDPOINTS["influx_query"]
    assert endpoint.take(call("q=CREATE+DATABASE+%22telegraf%22", path="/query")).error == ""


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SHOW DATABASES",
        "DROP DATABASE x",
        "CREATE DATABASE a; DROP DATABASE b",
        "CREATE DATABASE",
        "CREATE DATABASE " + "x" * 2_000,
    ],
)
def test_other_queries_are_refused(query):
    with pytest.raises(Problem) as refused:
        stub("influx_query", q=query)
    assert refused.value.status == 400
