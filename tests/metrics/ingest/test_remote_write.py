"""What both versions of remote_write share: the envelope, the answers, and what hostile senders write."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time

import cramjam
import pytest
from hypothesis import HealthCheck, given, settings

from metrics.ingest import remote_write
from metrics.ingest.calls import MIB, Outcome, Reason, Taken
from metrics.ingest.naming import FUTURE_MS
from metrics.ingest.problems import Problem
from tests.metrics.ingest import by_hand
from tests.metrics.ingest.by_hand import NOW, STALE, V2, call, field, packed, sample, series, up
from tests.metrics.ingest.checking import assert_sound
from tests.metrics.ingest.hostile import remote_write_bodies, remote_write_v2_bodies
from tests.repository import ROOT

WRITTEN = "x-prometheus-remote-write-samples-written"
OTHERS = ("x-prometheus-remote-write-histograms-written", "x-prometheus-remote-write-exemplars-written")


def take(body, **more):
    return remote_write.take(by_hand.remote_write(body, **more))


def refusal(given_call) -> Problem:
    with pytest.raises(Problem) as caught:
        remote_write.take(given_call)
    return caught.value


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/x-protobuf",
        "Application/X-Protobuf; proto=prometheus.WriteRequest",
        'application/x-protobuf;charset=utf-8;proto="prometheus.WriteRequest"',
    ],
)
def test_version_1_is_what_comes_without_a_version(content_type):
    assert len(take(up(), content_type=content_type).readings) == 1


def test_version_2_is_chosen_by_its_type():
    symbols = by_hand.Symbols()
    body = by_hand.series_2(symbols, {"__name__": "up"}, sample(1))
    assert len(take(bytes(symbols) + body, content_type=V2).readings) == 1


@pytest.mark.parametrize(
    "content_type, named",
    [
        ("application/json", "application/json"),
        ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "io.prometheus.write.v3.Request"),
        ("application/x-protobuf;proto=", "proto="),
    ],
)
def test_other_types_are_refused_with_what_was_expected(content_type, named):
    problem = refusal(by_hand.remote_write(up(), content_type=content_type))
    assert problem.status == 415
    assert "expected" in problem.message
    assert named in problem.message


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "identity", "snappy, gzip"])
def test_other_encodings_are_refused_so_that_the_sender_falls_back_to_snappy(encoding):
    problem = refusal(by_hand.remote_write(up(), content_encoding=encoding))
    assert (problem.status, problem.headers["accept-encoding"]) == (415, "snappy")


def test_a_body_without_an_encoding_is_snappy_all_the_same():
    assert len(remote_write.take(call(packed(up()))).readings) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\x01\x02",
        b"\xff" * 15,
        up(),
        bytes(cramjam.snappy.compress(up())),
        packed(up())[:-1],
        packed(up() * 10)[:20],
    ],
    ids=["empty", "noise", "endless length", "not packed", "framed", "cut", "cut early"],
)
def test_what_is_no_snappy_block_is_refused(body):
    problem = refusal(call(body))
    assert problem.status == 400
    assert "snappy" in problem.message


@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\x05ab", b"\x07", b"\x0b\x0c", b"\x00\x00", b"\x0a" + b"\xff" * 12])
def test_what_is_no_protobuf_is_refused(body):
    problem = refusal(by_hand.remote_write(body))
    assert problem.status == 400
    assert "protobuf" in problem.message


def test_an_empty_request_is_fine():
    assert remote_write.answer(take(b""), Outcome()).status == 204


def test_a_length_of_2_gib_is_refused_before_anything_is_unpacked():
    assert refusal(call(b"\xff\xff\xff\xff\x07" + b"\x00" * 10)).status == 413


def test_the_limit_is_on_what_is_unpacked():
    fits = field(9, b"\0" * (8 * MIB - 5))
    assert len(fits) == 8 * MIB
    assert take(fits) == Taken()
    assert refusal(by_hand.remote_write(fits + b"\x08\x00")).status == 413


def test_a_quarter_gibibyte_of_zeros_is_refused_at_once():
    bomb = packed(b"\0" * 256 * MIB)
    started = time.process_time()
    assert refusal(call(bomb)).status == 413
    assert time.process_time() - started < 0.1


def test_every_refusal_says_that_nothing_was_written():
    for problem in (refusal(call(b"")), refusal(by_hand.remote_write(up(), content_type="text/plain"))):
        answer = remote_write.refuse(problem, {})
        assert [answer.headers[name] for name in (WRITTEN, *OTHERS)] == ["0", "0", "0"]
        assert json.loads(answer.body)["error"] == problem.message


def test_success_says_how_many_were_written():
    # What was there already was written too, before; and an end is a sample to its sender.
    taken = take(up() + up(2, host="b") + up(STALE, host="c"))
    answer = remote_write.answer(taken, Outcome(new=1, duplicates=1))
    assert (answer.status, answer.body) == (204, b"")
    assert [answer.headers[name] for name in (WRITTEN, *OTHERS)] == ["3", "0", "0"]


def test_what_has_no_room_is_not_written_and_no_fault_of_the_request():
    answer = remote_write.answer(take(up() + up(host="b")), Outcome(new=1, refused=1))
    assert (answer.status, answer.headers[WRITTEN]) == (204, "1")


def test_the_good_part_is_taken_and_the_first_fault_is_told():
    body = (
        up(1) + series({"__name__": "up", "a" * 129: "b"}, sample(1)) + series({"a": "b"}, sample(1)) + up(2, NOW - 1)
    )
    taken = take(body)
    assert [reading.value for reading in taken.readings] == [1, 2]
    answer = remote_write.answer(taken, Outcome(new=2))
    assert (answer.status, answer.headers[WRITTEN]) == (400, "2")
    assert b"timeseries[1].labels" in answer.body
    assert b"2 rejected" in answer.body


def test_numbers_that_are_none_are_counted_and_no_fault():
    """A summary without observations is NaN. As a fault it would make each batch of a Prometheus fail."""
    taken = take(up(math.nan) + up(math.inf) + up(-math.inf) + up(5))
    assert taken.rejected == {Reason.NOT_FINITE: 3}
    assert [reading.value for reading in taken.readings] == [5]
    assert remote_write.answer(taken, Outcome(new=1)).status == 204


@pytest.mark.parametrize(
    "offset, reason",
    [(-by_hand.DAY, None), (-by_hand.DAY - 1, Reason.TOO_OLD), (FUTURE_MS, None), (FUTURE_MS + 1, Reason.TOO_NEW)],
)
@pytest.mark.parametrize("value", [1.0, STALE])
def test_times_are_bounded_for_samples_and_for_ends(offset, reason, value):
    taken = take(up(value, NOW + offset))
    assert len(taken.readings) + len(taken.ended) == (0 if reason else 1)
    assert taken.rejected == ({reason: 1} if reason else {})
    assert remote_write.answer(taken, Outcome()).status == (400 if reason else 204)


MANY = {
    "series": b"\x0a\x00" * (4 * MIB - 9),
    "samples in one series": field(1, b"\x12\x00" * (4 * MIB - 9)),
    "samples in several": field(1, field(1, field(1, "__name__") + field(2, "up")) + b"\x12\x00" * 500_000) * 8,
    "metadata": b"\x1a\x00" * (4 * MIB - 9),
    "new series": b"".join(up(host=str(number)) for number in range(30_000)),
}


@pytest.mark.parametrize("name", MANY)
def test_bodies_of_countless_parts_are_refused_before_they_cost_much(name):
    started = time.process_time()
    assert refusal(by_hand.remote_write(MANY[name])).status == 413
    assert time.process_time() - started < 1


def test_countless_labels_cost_nothing():
    crowded = series([("", "")] * 150_000, sample(1))
    started = time.process_time()
    assert take(crowded * 8).rejected == {Reason.BAD_LABELS: 8}
    assert time.process_time() - started < 1


GROWTH = """
import resource, sys
from metrics.ingest import remote_write
from metrics.ingest.calls import Call, Sender
from metrics.ingest.problems import Problem
body, headers = sys.stdin.buffer.read(), {{"content-type": "application/x-protobuf"}}
call = Call("POST", "/", {{}}, headers, body, Sender(7, ""), {now}, 0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    remote_write.take(call)
except Problem:
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", [*MANY, "as much as is taken"])
def test_bodies_of_countless_parts_need_little_memory(name):
    """The classes of protobuf would take half a gigabyte."""
    full = b"".join(series({"__name__": "up", "host": str(host)}, *[sample(1)] * 4) for host in range(25_000))
    code = GROWTH.format(now=NOW)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=packed(MANY.get(name, full)), capture_output=True, check=True, cwd=ROOT)
    assert int(done.stdout) < 96 * 1024, "KiB"


def test_a_hundred_thousand_samples_are_taken_and_one_more_is_not():
    fifth = series({"__name__": "up"}, *[field(2, NOW)] * 20_000)
    assert len(take(fifth * 5).readings) == 100_000
    assert refusal(by_hand.remote_write(fifth * 5 + up())).status == 413


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(remote_write_bodies())
def test_nothing_that_somebody_writes_is_more_than_refused(body):
    assert_sound(remote_write, call(body, content_type="application/x-protobuf"))


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(remote_write_v2_bodies())
def test_nor_in_version_2(body):
    assert_sound(remote_write, call(body, content_type=V2))
