"""What OTLP answers: to what is right, to what is wrong, and to what is meant to hurt."""

from __future__ import annotations

import math

import pytest
from google.protobuf.json_format import Parse
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from metrics.ingest import otlp
from metrics.ingest.calls import Outcome, Reason
from metrics.ingest.problems import Problem
from metrics.series.readings import Identity
from tests.metrics.ingest.by_hand import call, field
from tests.metrics.ingest.checking import assert_sound
from tests.metrics.ingest.exports import (
    JSON,
    PROTOBUF,
    gauge,
    histogram,
    put,
    request,
    take,
)
from tests.metrics.ingest.hostile import otlp_bodies, otlp_json_bodies


def refusal(body, media=PROTOBUF) -> Problem:
    with pytest.raises(Problem) as caught:
        otlp.take(call(body, content_type=media))
    return caught.value


def nested(depth):
    value = field(1, "deep")
    for _ in range(depth):
        value = field(5, field(1, value))
    point = field(7, field(1, "a") + field(2, value)) + field(4, 1.5)
    return field(1, field(2, field(2, field(1, "load") + field(5, field(1, point)))))


def test_attributes_are_nested_to_a_bound():
    labels = otlp.take(call(nested(20), content_type=PROTOBUF)).readings[0].identity.labels
    assert labels == (("a", "[" * 20 + '"deep"' + "]" * 20),)
    assert refusal(nested(200)).status == 400
    assert otlp.take(call(nested(2_000), content_type=PROTOBUF)).rejected == {Reason.BAD_LABELS: 1}


def bad_points():
    yield "no value", request(gauge={"points": [{}]}), Reason.MALFORMED
    yield "not a number", gauge(as_double=math.nan), Reason.NOT_FINITE
    yield "infinite", gauge(as_double=-math.inf), Reason.NOT_FINITE
    yield "no name", request("", gauge={"points": [{"as_int": 1}]}), Reason.BAD_NAME
    yield "long name", request("x" * 201, gauge={"points": [{"as_int": 1}]}), Reason.BAD_NAME
    yield "long with its end", request("x" * 195, summary={"points": [{"count": 1}]}), Reason.BAD_NAME
    yield "long attribute", gauge(attributes={"a": "x" * 1_025}), Reason.BAD_LABELS
    yield "endless attribute", gauge(attributes={"a": "x" * 100_000}), Reason.BAD_LABELS
    yield "NUL", gauge(attributes={"a": "\0"}), Reason.BAD_LABELS
    yield "crowd", gauge(attributes={f"a{number}": "x" for number in range(31)}), Reason.BAD_LABELS
    yield "unknown temporality", histogram(0), Reason.MALFORMED
    yield "sum of unknown temporality", request(sum={"points": [{"as_int": 1}]}), Reason.MALFORMED
    yield "buckets without bounds", histogram(explicit_bounds=[]), Reason.MALFORMED
    yield "falling bounds", histogram(explicit_bounds=[1, 0.5, 2]), Reason.MALFORMED
    yield "equal bounds", histogram(explicit_bounds=[1, 1, 2]), Reason.MALFORMED
    yield "infinite bound", histogram(explicit_bounds=[1, 2, math.inf]), Reason.MALFORMED
    many = list(range(1_000))
    yield "too many buckets", histogram(explicit_bounds=many, bucket_counts=[1] * 1_001), Reason.MALFORMED


@pytest.mark.parametrize("message, reason", [pytest.param(*rest, id=name) for name, *rest in bad_points()])
def test_a_bad_point_is_counted_and_its_neighbours_are_taken(message, reason):
    message.MergeFrom(request("good", gauge={"points": [{"as_int": 7}]}))
    taken = take(message)
    assert taken.rejected == {reason: 1}
    assert [reading.value for reading in taken.readings] == [7]
    assert len(taken.error) < 200


def test_a_name_that_comes_twice_is_refused():
    message = gauge(attributes={"a": "1"})
    point = message.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    put(point.attributes, {"a": "2"})
    assert take(message).rejected == {Reason.BAD_LABELS: 1}


def test_numbers_beside_one_that_is_none_are_taken():
    message = request("wait", summary={"points": [{"count": 0, "sum": 0.0, "quantiles": {0.5: math.nan}}]})
    taken = take(message)
    assert taken.rejected == {Reason.NOT_FINITE: 1}
    assert [reading.identity.metric for reading in taken.readings] == ["wait_count", "wait_sum"]


ONE = b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"x","gauge":{"dataPoints":[{"asDouble":%s}]}}]}]}]}'
BAD_JSON = {
    "nothing": b"",
    "a list": b"[]",
    "not UTF-8": b'"\xff"',
    "not JSON": b"{",
    "deep list": b"[" * 200_000,
    "deep object": b'{"resourceMetrics":' * 20_000,
    "long number": b'{"resourceMetrics":' + b"9" * 5_000 + b"}",
    "a text": b'{"resourceMetrics":"x"}',
    "not a list": b'{"resourceMetrics":{"a":1}}',
    "NaN": ONE % b"NaN",
    "1e999": ONE % b"1e999",
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_is_refused_as_a_status_in_json(name):
    problem = refusal(BAD_JSON[name], JSON)
    answer = otlp.refuse(problem, {"content-type": JSON})
    assert (answer.status, answer.headers["content-type"]) == (400, JSON)
    status = Parse(answer.body, Status())
    assert (status.code, status.message) == (3, problem.message)
    assert status.message.startswith("body: expected")


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0f",
        field(1, b"\x0a\x99"),
        gauge().SerializeToString()[:-1],
        b'{"resourceMetrics":[]}',
    ],
)
def test_bad_protobuf_is_refused_as_a_status_in_protobuf(body):
    problem = refusal(body)
    answer = otlp.refuse(problem, {"content-type": PROTOBUF})
    assert (answer.status, answer.headers["content-type"]) == (400, PROTOBUF)
    assert Status.FromString(answer.body).message == problem.message


@pytest.mark.parametrize(
    "body",
    [
        gauge(attributes={"a": "zz"}).SerializeToString().replace(b"zz", b"\xff\xfe"),
        request("zz", gauge={"points": [{"as_int": 1}]}).SerializeToString().replace(b"zz", b"\xff\xfe"),
    ],
    ids=["attribute", "name"],
)
def test_text_that_is_no_utf_8_refuses_the_request(body):
    assert refusal(body).status == 400


@pytest.mark.parametrize("media", ["", "text/plain", "application/grpc"])
def test_other_types_are_refused(media):
    assert refusal(b"", media).status == 415


def test_json_is_taken_up_to_half_a_mebibyte():
    body = b'{"resourceMetrics":[]' + b" " * (2**19 - 22) + b"}"
    assert otlp.take(call(body, content_type=JSON)).readings == []
    assert refusal(body + b" ", JSON).status == 413


MANY = {
    "resources": b"\x0a\x00" * 4_000_000,
    "points": field(1, field(2, field(2, field(1, "x") + field(5, b"\x0a\x00" * 4_000_000)))),
    "attributes": field(1, field(2, field(2, field(1, "x") + field(5, field(1, b"\x3a\x00" * 4_000_000))))),
    "new series": request(
        gauge={"points": [{"as_int": 1, "attributes": {"a": number}} for number in range(25_001)]}
    ).SerializeToString(),
}


@pytest.mark.parametrize("name", MANY)
def test_countless_parts_are_refused(name):
    assert refusal(MANY[name]).status == 413


def test_countless_objects_in_json_are_refused():
    assert refusal(b'{"resourceMetrics":[' + b"{}," * 100_000 + b"{}]}", JSON).status == 413


def answered(taken, outcome):
    answer = otlp.answer(taken, outcome)
    assert answer.status == 200
    media = answer.headers["content-type"]
    if media == JSON:
        return Parse(answer.body, ExportMetricsServiceResponse())
    assert media == PROTOBUF
    return ExportMetricsServiceResponse.FromString(answer.body)


@pytest.mark.parametrize("media, empty", [(PROTOBUF, b""), (JSON, b"{}")])
def test_success_is_an_empty_answer_in_the_type_of_the_request(media, empty):
    answer = otlp.answer(take(gauge(), media=media), Outcome(new=1))
    assert (answer.status, answer.body, answer.headers) == (200, empty, {"content-type": media})


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_what_was_rejected_is_a_partial_success(media):
    message = gauge(attributes={"a": "\1"})
    message.MergeFrom(request("other", gauge={"points": [{}, {"as_int": 7}]}))
    partial = answered(take(message, media=media), Outcome(new=1)).partial_success
    assert partial.rejected_data_points == 2
    assert "load: data_points[0]" in partial.error_message


def test_series_without_room_are_a_partial_success():
    partial = answered(take(gauge()), Outcome(refused=1, example=Identity(7, "load"))).partial_success
    assert partial.rejected_data_points == 1
    assert "load" in partial.error_message


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(otlp_bodies())
def test_nothing_that_somebody_writes_is_more_than_refused(body):
    assert_sound(otlp, call(body, content_type=PROTOBUF))


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(otlp_json_bodies())
def test_nor_in_json(body):
    assert_sound(otlp, call(body, content_type=JSON))
