from __future__ import annotations

import pytest

from metrics.ingest import remote_write
from metrics.ingest.calls import Outcome, Reason
from metrics.ingest.problems import Problem
from metrics.series.readings import Identity, Reading
from tests.metrics.ingest import by_hand
from tests.metrics.ingest.by_hand import NOW, STALE, V2, Symbols, field, references, sample, series_2

WRITTEN = "x-prometheus-remote-write-samples-written"


@pytest.fixture
def symbols():
    return Symbols()


def take(symbols, *parts):
    return remote_write.take(by_hand.remote_write(bytes(symbols) + b"".join(parts), content_type=V2))


def refusal(symbols, *parts) -> str:
    with pytest.raises(Problem) as caught:
        take(symbols, *parts)
    assert caught.value.status == 400
    return caught.value.message


def test_texts_are_looked_up_in_the_table(symbols):
    one = series_2(symbols, {"__name__": "load", "job": "node"}, sample(0.5, NOW - 1), sample(2))
    two = series_2(symbols, {"job": "node", "instance": "b", "__name__": "load"}, sample(7))
    node = Identity(7, "load", (("job", "node"),))
    other = Identity(7, "load", (("instance", "b"), ("job", "node")))
    readings = [Reading(node, NOW - 1, 0.5), Reading(node, NOW, 2.0), Reading(other, NOW, 7.0)]
    assert take(symbols, one, two).readings == readings


def test_the_table_may_come_last(symbols):
    part = series_2(symbols, {"__name__": "up"}, sample(1))
    taken = remote_write.take(by_hand.remote_write(part + bytes(symbols), content_type=V2))
    assert taken.readings[0].identity == Identity(7, "up")


def test_the_same_numbers_mean_another_text_in_another_request():
    names = []
    for name in ("up", "down"):
        symbols = Symbols()
        names.append(take(symbols, series_2(symbols, {"__name__": name}, sample(1))).readings[0].identity.metric)
    assert names == ["up", "down"]


def test_a_stale_marker_ends_the_series(symbols):
    assert take(symbols, series_2(symbols, {"__name__": "up"}, sample(STALE))).ended == [(Identity(7, "up"), NOW)]


@pytest.mark.parametrize(
    "kind, metric, expected",
    [
        (1, "http_requests_total", "counter"),
        (2, "load", "gauge"),
        (3, "latency_bucket", "histogram"),
        (5, "pause", "summary"),
        (5, "pause_count", "summary"),
        (0, "odd", "unknown"),
        (77, "odd", "unknown"),
    ],
)
def test_metadata_describe_their_series(symbols, kind, metric, expected):
    said = field(5, field(1, kind) + field(3, symbols("What it is.")) + field(4, symbols("seconds")))
    reading = take(symbols, series_2(symbols, {"__name__": metric}, sample(1), more=said)).readings[0]
    unit = "" if metric.endswith(("_bucket", "_count")) else "s"
    assert (reading.unit, reading.kind, reading.help) == (unit, expected, "What it is.")


def test_metadata_that_change_are_heard(symbols):
    labels = {"__name__": "later"}
    assert take(symbols, series_2(symbols, labels, sample(1))).readings[0].kind == "unknown"
    said = field(5, field(1, 2))
    assert take(symbols, series_2(symbols, labels, sample(1), more=said)).readings[0].kind == "gauge"


def test_start_times_and_exemplars_are_passed_over(symbols):
    more = field(6, NOW - 5) + field(4, references(symbols("trace_id"), symbols("abc")) + field(2, 0.5))
    started = sample(1) + field(3, NOW - 60_000)
    taken = take(symbols, series_2(symbols, {"__name__": "up"}, started, more=more))
    assert [reading.value for reading in taken.readings] == [1]
    assert not taken.rejected


@pytest.mark.parametrize("numbers", [(1, 9), (9, 1), (1, 2**32 - 1)])
def test_a_reference_beyond_the_table_is_refused_with_its_place(symbols, numbers):
    good = series_2(symbols, {"__name__": "up"}, sample(1))
    message = refusal(symbols, good, field(5, references(*numbers) + field(2, sample(1))))
    assert "timeseries[1]" in message
    assert "below 3" in message


@pytest.mark.parametrize("number", [3, 4])
def test_references_of_metadata_are_checked_too(symbols, number):
    assert "references below 3" in refusal(
        symbols, series_2(symbols, {"__name__": "up"}, sample(1), more=field(5, field(number, 9)))
    )


def test_references_come_in_pairs(symbols):
    number = symbols("__name__")
    message = refusal(symbols, field(5, references(number, symbols("up"), number) + field(2, sample(1))))
    assert "pairs, got 3" in message


def test_the_table_begins_with_an_empty_text():
    assert "symbols[0]" in refusal(b"", field(4, "up"))


def test_a_text_that_is_no_utf_8_refuses_the_request(symbols):
    assert "symbols[1]: expected UTF-8" in refusal(symbols, field(4, b"\xff"))


def test_a_series_without_a_table_is_refused():
    assert "below 0" in refusal(b"", field(5, references(0, 0) + field(2, sample(1))))


def test_the_good_part_is_taken_and_the_headers_say_how_much(symbols):
    unnamed = series_2(symbols, {"job": "node"}, sample(1), sample(2))
    repeated = field(5, references(*[symbols("__name__"), symbols("up")] * 2) + field(2, sample(1)))
    crowded = field(5, references(*[symbols("__name__"), symbols("up")] * 500) + field(2, sample(1)))
    taken = take(symbols, unnamed, repeated, crowded, series_2(symbols, {"__name__": "up"}, sample(3)))
    assert taken.rejected == {Reason.BAD_NAME: 2, Reason.BAD_LABELS: 2}
    answer = remote_write.answer(taken, Outcome(new=1))
    assert (answer.status, answer.headers[WRITTEN]) == (400, "1")
    assert b"timeseries[0].labels.__name__" in answer.body


def test_native_histograms_are_counted(symbols):
    taken = take(symbols, series_2(symbols, {"__name__": "latency"}, more=field(3, b"") * 2))
    assert taken.rejected == {Reason.UNSUPPORTED: 2}
