from __future__ import annotations

import math

import pytest

from metrics.ingest import known, remote_write
from metrics.ingest.calls import Outcome, Reason, Sender
from metrics.ingest.families import Type
from metrics.ingest.problems import Problem
from metrics.recent import Recent
from metrics.series.readings import Identity, Reading
from tests.metrics.ingest import by_hand
from tests.metrics.ingest.by_hand import NOW, STALE, field, metadata, sample, series, up


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(known, "KNOWN", Recent(1_000_000))
    for module in ("remote_write_v1", "remote_write_v2", "otlp_request"):
        monkeypatch.setattr(f"metrics.ingest.{module}.KNOWN", known.KNOWN)
    monkeypatch.setattr("metrics.ingest.families._said", Recent(1_000_000))


def take(body, **more):
    return remote_write.take(by_hand.remote_write(body, **more))


def test_a_sample_is_a_reading_of_the_series_that_its_labels_name():
    labels = {"job": "node", "__name__": "load", "instance": "a:9100"}
    taken = take(series(labels, sample(0.25, NOW - 5), sample(3, NOW)))
    identity = Identity(7, "load", (("instance", "a:9100"), ("job", "node")))
    assert taken.readings == [Reading(identity, NOW - 5, 0.25), Reading(identity, NOW, 3.0)]
    assert not taken.ended
    assert not taken.rejected


def test_an_empty_label_is_absent():
    assert take(up(zone="")).readings[0].identity == Identity(7, "up")


def test_texts_may_be_in_any_script():
    reading = take(series({"__name__": "темп.°C", "где": "Рига 🌡"}, sample(21))).readings[0]
    assert reading.identity == Identity(7, "темп.°C", (("где", "Рига 🌡"),))


def test_labels_of_the_sender_are_added_where_there_are_none():
    sender = Sender(7, "shop", (("job", "default"), ("site", "riga")))
    assert take(up(job="node"), sender=sender).readings[0].identity.labels == (("job", "node"), ("site", "riga"))


def test_a_stale_marker_ends_the_series_and_is_no_sample():
    taken = take(up(STALE, NOW - 1, job="node"))
    assert taken.ended == [(Identity(7, "up", (("job", "node"),)), NOW - 1)]
    assert not taken.readings
    assert not taken.rejected


def test_only_those_bits_are_a_stale_marker():
    ordinary = b"\x00\x00\x00\x00\x00\x00\xf8\x7f"  # 7ff8000000000000
    neighbour = b"\x03\x00\x00\x00\x00\x00\xf0\x7f"  # 7ff0000000000003
    for bits in (ordinary, neighbour):
        taken = take(series({"__name__": "up"}, b"\x09" + bits + field(2, NOW)))
        assert taken.rejected == {Reason.NOT_FINITE: 1}
        assert not taken.ended


@pytest.mark.parametrize(
    "labels, reason",
    [
        ([("job", "node")], Reason.BAD_NAME),
        ([("__name__", "")], Reason.BAD_NAME),
        ([("__name__", "a\nb")], Reason.BAD_NAME),
        ([("__name__", "x" * 201)], Reason.BAD_NAME),
        ([("__name__", "up"), ("", "b")], Reason.BAD_LABELS),
        ([("__name__", "up"), ("a", "1"), ("a", "2")], Reason.BAD_LABELS),
        ([("__name__", "up"), ("a", "x" * 1_025)], Reason.BAD_LABELS),
        ([("__name__", "up"), ("a", "x" * 9_000)], Reason.BAD_LABELS),
        ([("__name__", "up"), ("a", "\0")], Reason.BAD_LABELS),
        ([("__name__", "up"), *((f"a{number}", "x") for number in range(31))], Reason.BAD_LABELS),
    ],
)
def test_a_series_with_bad_labels_is_counted_by_its_samples(labels, reason):
    taken = take(series(labels, sample(1), sample(2)) + up(9))
    assert taken.rejected == {reason: 2}
    assert "timeseries[0]" in taken.error
    assert [reading.value for reading in taken.readings] == [9]


def test_thirty_labels_are_taken():
    labels = {f"a{number}": "x" for number in range(30)}
    assert len(take(up(**labels)).readings[0].identity.labels) == 30


def test_a_label_that_is_no_utf_8_refuses_the_request():
    broken = field(1, field(1, field(1, "__name__") + field(2, b"\xff\xfe")) + field(2, sample(1)))
    with pytest.raises(Problem) as caught:
        take(up() + broken)
    assert caught.value.status == 400
    assert "timeseries[1]" in caught.value.message


def test_native_histograms_are_counted_and_told():
    histogram = field(4, field(1, 3) + field(15, NOW))
    taken = take(series({"__name__": "latency"}, more=histogram * 3) + up())
    assert taken.rejected == {Reason.UNSUPPORTED: 3}
    answer = remote_write.answer(taken, Outcome(new=1))
    assert answer.status == 400
    assert b"native histograms" in answer.body


def test_exemplars_are_passed_over():
    exemplar = field(3, field(1, field(1, "trace_id") + field(2, "abc")) + field(2, 0.5) + field(3, NOW))
    taken = take(series({"__name__": "latency_bucket", "le": "1"}, sample(4), more=exemplar))
    assert len(taken.readings) == 1
    assert not taken.rejected


KINDS = [
    (Type.COUNTER, "http_requests", "http_requests_total", "counter"),
    (Type.COUNTER, "http_requests_total", "http_requests_total", "counter"),
    (Type.GAUGE, "load", "load", "gauge"),
    (Type.HISTOGRAM, "latency", "latency_bucket", "histogram"),
    (Type.HISTOGRAM, "latency", "latency_sum", "histogram"),
    (Type.HISTOGRAM, "latency", "latency_count", "histogram"),
    (Type.GAUGE_HISTOGRAM, "sizes", "sizes_gcount", "gauge"),
    (Type.SUMMARY, "pause", "pause", "summary"),
    (Type.SUMMARY, "pause", "pause_sum", "summary"),
    (Type.INFO, "build", "build_info", "gauge"),
    (Type.STATE_SET, "mode", "mode", "gauge"),
    (Type.UNKNOWN, "odd", "odd", "unknown"),
    (99, "odd", "odd", "unknown"),
    (Type.GAUGE, "load", "load_of_another", "unknown"),
]


@pytest.mark.parametrize("kind, family, metric, expected", KINDS)
def test_a_family_says_what_its_series_are(kind, family, metric, expected):
    alone = take(metadata(kind, family, "What it is."))
    assert alone.readings == []
    assert remote_write.answer(alone, Outcome()).status == 204
    reading = take(series({"__name__": metric}, sample(1))).readings[0]
    assert reading.kind == expected
    assert reading.help == ("" if metric == "load_of_another" else "What it is.")


def test_what_is_said_after_the_first_sample_reaches_the_next():
    assert take(up()).readings[0].kind == "unknown"
    take(metadata(Type.GAUGE, "up", "Whether it answers."))
    assert take(up()).readings[0][3:6] == ("", "gauge", "Whether it answers.")


def test_what_is_said_with_the_samples_reaches_them():
    assert take(up() + metadata(Type.GAUGE, "up")).readings[0].kind == "gauge"


def test_what_one_sender_says_is_not_heard_by_another():
    take(metadata(Type.GAUGE, "up"))
    assert take(up(), sender=Sender(8, "other")).readings[0].kind == "unknown"


@pytest.mark.parametrize(
    "metric, said, unit",
    [
        ("wait_seconds_total", "", "s"),
        ("wait_seconds_count", "", ""),
        ("heap_bytes", "", "B"),
        ("heap", "bytes", "B"),
        ("wait_sum", "seconds", "s"),
        ("wait_bucket", "seconds", ""),
        ("up", "", ""),
    ],
)
def test_units_come_from_what_is_said_or_from_the_name(metric, said, unit):
    if said:
        kind = Type.HISTOGRAM if metric.startswith("wait") else Type.GAUGE
        take(metadata(kind, metric.removesuffix("_sum").removesuffix("_bucket"), unit=said))
    assert take(series({"__name__": metric}, sample(1))).readings[0].unit == unit


def test_an_explanation_is_kept_short_and_without_control_characters():
    take(metadata(Type.GAUGE, "up", "a\0b\n" + "x" * 10_000))
    explained = take(up()).readings[0].help
    assert explained.startswith("a b x")
    assert len(explained) <= 500


def test_a_series_that_was_met_comes_to_the_same():
    body = up(job="node") + series({"__name__": "x", "a": "b"}, sample(math.nan), sample(2))
    first = take(body)
    assert len(known.KNOWN) == 2
    assert take(body) == first


def test_senders_do_not_meet_each_others_series():
    here, there = Sender(7, "shop"), Sender(8, "office")
    moved = Sender(7, "shop", (("site", "riga"),))
    identities = [take(up(), sender=sender).readings[0].identity for sender in (here, there, moved)]
    assert identities == [Identity(7, "up"), Identity(8, "up"), Identity(7, "up", (("site", "riga"),))]
