from __future__ import annotations

import json

import pytest

from metrics.ingest import otlp
from metrics.ingest.calls import Reason, Sender
from metrics.series.readings import Identity, Reading
from tests.metrics.ingest.by_hand import DAY, NOW, call
from tests.metrics.ingest.exports import (
    CUMULATIVE,
    DELTA,
    JSON,
    NANO,
    PROTOBUF,
    gauge,
    histogram,
    request,
    take,
)


def of(message, **more):
    """Values by the metric's name and labels."""
    taken = take(message, **more)
    assert not taken.rejected, taken.error
    return {(each.identity.metric, *each.identity.labels): each.value for each in taken.readings}


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_a_gauge_is_a_reading_under_its_own_name(media):
    message = request(
        "system.memory.usage",
        unit="By",
        description="Memory in use.",
        gauge={"points": [{"as_double": 1.5, "ts": NOW - 7, "attributes": {"state": "used"}}, {"as_int": -3}]},
    )
    used = Identity(7, "system.memory.usage", (("state", "used"),))
    assert take(message, media=media).readings == [
        Reading(used, NOW - 7, 1.5, "B", "gauge", "Memory in use."),
        Reading(used._replace(labels=()), NOW, -3.0, "B", "gauge", "Memory in use."),
    ]


@pytest.mark.parametrize(
    "temporality, is_monotonic, kind, is_delta",
    [
        (CUMULATIVE, True, "counter", False),
        (CUMULATIVE, False, "gauge", False),
        (DELTA, True, "counter", True),
        (DELTA, False, "gauge", True),
    ],
)
@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_a_sum_is_a_counter_when_it_only_grows(media, temporality, is_monotonic, kind, is_delta):
    data = {"aggregation_temporality": temporality, "is_monotonic": is_monotonic, "points": [{"as_int": 12}]}
    reading = take(request(sum=data), media=media).readings[0]
    assert (reading.value, reading.kind, reading.is_delta) == (12.0, kind, is_delta)


def test_the_buckets_of_a_histogram_include_each_other():
    buckets = {("wait_bucket", ("le", le)): n for le, n in {"0.005": 1, "1": 3, "2.5": 6, "+Inf": 10}.items()}
    assert of(histogram()) == {**buckets, ("wait_count",): 10, ("wait_sum",): 4.5}


def test_the_parts_of_a_histogram_know_what_they_are():
    readings = {reading.identity.metric: reading for reading in take(histogram()).readings}
    assert {reading.kind for reading in readings.values()} == {"histogram"}
    assert {name: reading.unit for name, reading in readings.items()} == {
        "wait_bucket": "",
        "wait_count": "",
        "wait_sum": "s",
    }


@pytest.mark.parametrize("temporality, is_delta", [(CUMULATIVE, False), (DELTA, True)])
def test_a_histogram_of_deltas_is_deltas(temporality, is_delta):
    assert {reading.is_delta for reading in take(histogram(temporality)).readings} == {is_delta}


def test_a_histogram_may_lack_its_buckets_and_its_sum():
    assert of(histogram(bucket_counts=[], explicit_bounds=[], sum=None)) == {("wait_count",): 10}


def test_of_an_exponential_histogram_count_and_sum_are_kept():
    point = {"count": 5, "sum": 2.5, "scale": 3, "zero_count": 1}
    data = {"aggregation_temporality": CUMULATIVE, "points": [point]}
    assert of(request("wait", exponential_histogram=data)) == {("wait_count",): 5, ("wait_sum",): 2.5}


def test_a_summary_is_a_series_for_each_quantile():
    point = {"count": 8, "sum": 80.0, "quantiles": {0.5: 9.0, 1.0: 15.0}}
    message = request("wait", summary={"points": [point]})
    quantiles = {("wait", ("quantile", "0.5")): 9, ("wait", ("quantile", "1")): 15}
    assert of(message) == {**quantiles, ("wait_count",): 8, ("wait_sum",): 80}
    assert {reading.kind for reading in take(message).readings} == {"summary"}


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
def test_a_point_without_a_value_ends_its_series(media):
    taken = take(request(gauge={"points": [{"flags": 1, "attributes": {"a": "b"}}]}), media=media)
    assert taken.ended == [(Identity(7, "load", (("a", "b"),)), NOW)]
    assert not taken.readings
    assert not taken.rejected


def test_a_histogram_without_a_value_ends_all_its_series():
    ended = {identity.metric: identity.labels for identity, _ts in take(histogram(flags=1)).ended}
    assert ended == {"wait_bucket": (("le", "+Inf"),), "wait_count": (), "wait_sum": ()}
    assert len(take(histogram(flags=1)).ended) == 6


def test_a_summary_without_a_value_ends_all_its_series():
    message = request("wait", summary={"points": [{"flags": 1, "quantiles": {0.5: 0.0}}]})
    assert [identity.metric for identity, _ts in take(message).ended] == ["wait", "wait_count", "wait_sum"]


def test_a_point_without_a_time_is_as_new_as_its_receipt():
    assert take(gauge(ts=0)).readings[0].ts == NOW


@pytest.mark.parametrize(
    "ts, reason", [(NOW - DAY - 1, Reason.TOO_OLD), (NOW + 600_001, Reason.TOO_NEW), (2**64 // NANO, "too_new")]
)
def test_times_are_bounded(ts, reason):
    assert take(gauge(ts=ts)).rejected == {reason: 1}
    assert take(gauge(ts=ts, flags=1)).ended == []


def test_the_resource_gives_job_instance_and_host():
    resource = {"service.name": "shop", "service.instance.id": "a-1", "host.name": "riga", "process.pid": 77}
    message = request(resource=resource, gauge={"points": [{"as_int": 1}]})
    assert take(message).readings[0].identity.labels == (("host", "riga"), ("instance", "a-1"), ("job", "shop"))


def test_an_attribute_of_the_point_goes_before_the_resource_and_that_before_the_sender():
    point = {"as_int": 1, "attributes": {"job": "of the point"}}
    message = request(resource={"service.name": "shop", "host.name": "riga"}, gauge={"points": [point]})
    sender = Sender(7, "shop", (("host", "default"), ("job", "default"), ("site", "west")))
    labels = (("host", "riga"), ("job", "of the point"), ("site", "west"))
    assert take(message, sender=sender).readings[0].identity.labels == labels


def test_resources_do_not_mix():
    message = request(resource={"service.name": "one"}, gauge={"points": [{"as_int": 1}]})
    message.MergeFrom(request(resource={"service.name": "two"}, gauge={"points": [{"as_int": 2}]}))
    assert of(message) == {("load", ("job", "one")): 1, ("load", ("job", "two")): 2}


def test_the_scope_says_nothing():
    message = gauge()
    message.resource_metrics[0].scope_metrics[0].scope.name = "io.opentelemetry.contrib"
    assert take(message).readings[0].identity.labels == ()


@pytest.mark.parametrize(
    "value, text",
    [("x", "x"), (True, "true"), (False, "false"), (-5, "-5"), (0.1, "0.1"), (2.0, "2.0"), (b"\xff\x00", "/wA=")],
)
def test_attributes_become_text(value, text):
    assert take(gauge(attributes={"a": value})).readings[0].identity.labels == (("a", text),)


def test_an_attribute_without_a_value_is_absent():
    assert take(gauge(attributes={"a": None, "b": ""})).readings[0].identity.labels == ()


def test_nested_attributes_become_json():
    message = gauge()
    value = message.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0].attributes.add(key="a").value
    for each in ("x", "é"):
        value.array_value.values.add(string_value=each)
    inner = value.array_value.values.add().kvlist_value.values.add(key="n")
    inner.value.int_value = 1
    value.array_value.values.add()
    assert take(message).readings[0].identity.labels == (("a", '["x","é",{"n":1},null]'),)


def test_exemplars_do_not_disturb():
    """Their ids are hexadecimal in JSON, and protobuf's own form would have base64."""
    exemplar = {
        "timeUnixNano": "1",
        "asDouble": 2,
        "spanId": "eee19b7ec3c1b174",
        "traceId": "5b8efff798038103d269b633813fc60c",
    }
    odd = {"traceId": "12345", "spanId": "!"}
    point = {"timeUnixNano": str(NOW * NANO), "asDouble": 1.5, "exemplars": [exemplar, odd]}
    metric = {"name": "load", "gauge": {"dataPoints": [point]}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    assert otlp.take(call(body, content_type=JSON)).readings[0].value == 1.5


def test_json_as_the_specification_shows_it():
    """https://github.com/open-telemetry/opentelemetry-proto/blob/main/examples/metrics.json"""
    attributes = [{"key": "my.counter.attr", "value": {"stringValue": "some value"}}]
    point = {"asDouble": 5, "startTimeUnixNano": "1", "timeUnixNano": str(NOW * NANO), "attributes": attributes}
    data = {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [point]}
    metric = {"name": "my.counter", "unit": "1", "description": "I am a Counter", "sum": data, "brandNew": {"a": 1}}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]}
    body = {
        "resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "x"}, "metrics": [metric]}]}]
    }
    identity = Identity(7, "my.counter", (("job", "my.service"), ("my.counter.attr", "some value")))
    taken = otlp.take(call(json.dumps(body).encode(), content_type="application/json; charset=utf-8"))
    assert taken.readings == [Reading(identity, NOW, 5.0, "", "counter", "I am a Counter", True)]
