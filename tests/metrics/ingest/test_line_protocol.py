"""Influx line protocol: what a body comes to, and what the sender is told."""

from __future__ import annotations

import math
import re
import time
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from line_protocol_parser import LineFormatError, parse_line

from metrics.ingest import line_protocol
from metrics.ingest.calls import Call, Outcome, Sender
from metrics.series.readings import Identity, Reading
from tests.metrics.ingest.hostile_lines import line_bodies

NOW = 1_795_154_400_000  # 2026-11-20T06:00:00Z
DAY = 86_400_000
NS = NOW * 1_000_000
SHOP = Sender(7, "shop")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
ENDPOINTS = {endpoint.name: endpoint for endpoint in line_protocol.ENDPOINTS}


def call(body, *, path="/write", sender=SHOP, line=1, method="POST", **query):
    body = body.encode() if isinstance(body, str) else body
    return Call(method, path, query, {}, body, sender, NOW, NOW - DAY, line)


def take(body, **more):
    return line_protocol.take(call(body, **more))


def samples(body, **more):
    """Name, labels, value and time of each reading, of a body in which nothing is wrong."""
    taken = take(body, **more)
    assert (taken.error, dict(taken.rejected)) == ("", {})
    return [(r.identity.metric, dict(r.identity.labels), r.value, r.ts) for r in taken.readings]


def rejected(body, **more):
    taken = take(body, **more)
    return dict(taken.rejected), taken.error


def test_a_field_is_a_series_named_after_the_measurement_and_itself():
    line = f"cpu,host=web-1,region=eu user=12.5,system=3i {NS}"
    labels = (("host", "web-1"), ("region", "eu"))
    assert set(take(line).readings) == {
        Reading(Identity(7, "cpu_user", labels), NOW, 12.5),
        Reading(Identity(7, "cpu_system", labels), NOW, 3.0),
    }


MICRO = ["u", "us", "\u00b5", "\u00b5s", "\u03bc", "\u03bcs"]
UNITS_MS = dict.fromkeys(["", "n", "ns"], 1e-6) | dict.fromkeys(MICRO, 1e-3)
UNITS_MS |= {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


@pytest.mark.parametrize("precision, unit_ms", UNITS_MS.items())
def test_times_are_scaled_by_the_precision(precision, unit_ms):
    query = {"precision": precision} if precision else {}
    assert samples(f"a b=1 {round(NOW / unit_ms)}", **query) == [("a_b", {}, 1.0, NOW)]


def test_part_of_a_millisecond_is_dropped():
    assert samples(f"a b=1 {NS + 999_999}")[0][3] == NOW


@pytest.mark.parametrize("precision", ["day", "MS", "nanosecond", "\x00", "x" * 500])
def test_a_precision_that_is_none_refuses_everything(precision):
    taken = take("a b=1", precision=precision)
    assert taken.readings == []
    assert taken.error.startswith("precision: expected ns, us, ms, s, m or h, got")


def test_a_line_without_a_time_was_measured_now():
    assert samples("a b=1", precision="s")[0][3] == NOW


@pytest.mark.parametrize(
    "value, number", [("t", 1), ("True", 1), ("f", 0), ("FALSE", 0), ("7i", 7), ("7u", 7), ("-.5e3", -500)]
)
def test_booleans_and_integers_are_numbers(value, number):
    assert samples(f"a b={value}")[0][2] == float(number)


def test_text_is_counted_and_the_numbers_beside_it_are_kept():
    taken = take('a state="on, x=1",b=1\nc d="off",e="x"')
    assert [reading.identity.metric for reading in taken.readings] == ["a_b"]
    assert dict(taken.rejected) == {"not_a_number": 3}
    assert taken.error == 'line 1, field "state": text is not kept, only numbers and booleans are'


def test_a_fault_is_named_before_text_that_is_not_kept():
    assert "line 2" in take('a b="x"\nnonsense').error


@pytest.mark.parametrize("value", ["nan", "NaN", "-inf", "Infinity", "1e400", "-1e999", "9" * 310])
def test_a_line_with_a_number_that_is_not_finite_is_refused_whole(value):
    reasons, error = rejected(f"good v=1\na,t=nan b=2,c={value} {NS}\ngood v=2")
    assert reasons == {"not_finite": 1}
    assert error.startswith("line 2: expected finite numbers, got")


@pytest.mark.parametrize(
    "line, expected",
    [
        ("a,t=1,t=2 b=1", "expected tags as name=value, each name once"),
        ("a,t= b=1", "expected a value after each tag's ="),
        ("a", "expected a measurement, its tags, a space, and fields"),
        ("a b=", "expected a value for each field"),
        ('a b="open', "expected a value for each field, text in double quotes"),
        ("a b=on", "expected numbers, booleans, or text in double quotes"),
        ("a b=0x10", "expected numbers, booleans, or text in double quotes"),
        ("a =1", "expected fields as name=value"),
        ("a b=1 1.5", "expected a whole number as the time"),
        ("a b=1 1 2", "expected a whole number as the time"),
        ("a b=1\x00", "expected text without NUL"),
        ("a" * 70_000 + " b=1", "65535 bytes"),
    ],
)
def test_a_malformed_line_is_named_and_the_others_are_kept(line, expected):
    taken = take(f"good v=1\n{line}\ngood v=2")
    assert [reading.value for reading in taken.readings] == [1.0, 2.0]
    assert dict(taken.rejected) == {"malformed": 1}
    assert taken.error.startswith("line 2: ")
    assert expected in taken.error
    assert len(taken.error) < 300


@pytest.mark.parametrize("line", [b'a b="\xff"', b"\xff b=1", b"a,t=\xff b=1", b"a \xff=1", b'a b="\xed\xa0\x80"'])
def test_bytes_that_are_no_utf_8_refuse_their_line_only(line):
    taken = take(b"good v=1\n" + line + b"\ngood v=2")
    assert [reading.value for reading in taken.readings] == [1.0, 2.0]
    assert dict(taken.rejected) == {"malformed": 1}
    taken.error.encode()  # as an answer and a database will have it


def test_line_numbers_go_on_where_the_piece_before_ended():
    assert take("a b=1\nbad", line=101).error.startswith("line 102: ")


@pytest.mark.parametrize("body", ["", "\n\n", "# comment", "  # comment\n\n", "\r\n", " \t\r\n"])
def test_comments_and_empty_lines_are_nothing(body):
    assert samples(body) == []


def test_lines_may_end_as_on_windows_and_begin_with_spaces():
    assert [sample[0] for sample in samples("a b=1\r\n  c d=2\r\n")] == ["a_b", "c_d"]


def test_escaped_names_are_read():
    line = r"my\ cpu,the\=host=web\,1 busy\ time=1"
    assert samples(line) == [("my cpu_busy time", {"the=host": "web,1"}, 1.0, NOW)]


def test_only_a_newline_ends_a_line():
    assert samples("caf\u00e9\u2028bar b=1") == [("caf\u00e9\u2028bar_b", {}, 1.0, NOW)]


def test_text_may_hold_line_ends():
    taken = take(f'log message="one\ntwo=2\nthree",size=3 {NS}\na b=1\nlog message="x\n",size=4')
    assert [(r.identity.metric, r.value, r.ts) for r in taken.readings] == [
        ("log_size", 3.0, NOW),
        ("a_b", 1.0, NOW),
        ("log_size", 4.0, NOW),
    ]
    assert dict(taken.rejected) == {"not_a_number": 2}


def test_a_stray_quote_takes_no_other_line_with_it():
    taken = take('a b="open\ngood v=1\ntag,size=5" v=2\ngood v=3')
    assert [reading.value for reading in taken.readings] == [1.0, 2.0, 3.0]
    assert dict(taken.rejected) == {"malformed": 1}


def test_stray_quotes_cost_no_more_than_other_lines():
    started = time.perf_counter()
    assert sum(take('a b="\n' * 20_000 + 'b="\nx\n' * 20_000).rejected.values()) > 10_000
    assert time.perf_counter() - started < 5


def test_of_a_field_that_comes_twice_the_first_counts():
    assert samples("a b=1,b=2") == [("a_b", {}, 1.0, NOW)]


@pytest.mark.parametrize("late_ms, reason", [(-DAY - 1, "too_old"), (-DAY, ""), (600_000, ""), (600_001, "too_new")])
def test_a_time_must_lie_in_what_is_kept(late_ms, reason):
    reasons, error = rejected(f'a b=1,c=2,d="x" {NOW + late_ms}', precision="ms")
    assert reasons == ({reason: 2} if reason else {"not_a_number": 1})
    assert ("is it in the precision" in error) == bool(reason)


@pytest.mark.parametrize("time", [2**62, -(2**62), 0])
def test_extreme_times_are_only_out_of_time(time):
    assert set(rejected(f"a b=1 {time}", precision="h")[0]) <= {"too_old", "too_new"}


def test_the_sources_own_labels_are_added_where_there_is_no_such_tag():
    sender = Sender(7, "shop", (("host", "default"), ("site", "riga")))
    assert samples("a,host=web b=1", sender=sender)[0][1] == {"host": "web", "site": "riga"}
    assert samples("a b=1", sender=sender)[0][1] == {"host": "default", "site": "riga"}


def test_two_sources_never_share_a_series():
    one, two = (take("same,t=1 b=1", sender=Sender(number, "x")).readings[0].identity for number in (1, 2))
    assert (one.source, two.source) == (1, 2)


def test_labels_that_cannot_be_kept_refuse_their_line():
    many = ",".join(f"t{number}=x" for number in range(31))
    reasons, error = rejected(f"good v=1\na,{many} b=1,c=2\na,t={'x' * 1025} b=1")
    assert reasons == {"bad_labels": 3}
    assert error == "line 2, tags: expected at most 30 labels, got 31"


def test_a_name_that_cannot_be_kept_refuses_its_field():
    taken = take(f"{'m' * 150} {'f' * 50}=1,short=2")
    assert [reading.value for reading in taken.readings] == [2.0]
    assert dict(taken.rejected) == {"bad_name": 1}
    assert taken.error == "line 1, metric: expected at most 200 characters, got 201"


def test_many_points_with_many_fields_are_each_their_own_series():
    lines = [
        f"m,host=h{host} " + ",".join(f"f{field}={host * 100 + field}" for field in range(50)) for host in range(20)
    ]
    found = {(dict(r.identity.labels)["host"], r.identity.metric): r.value for r in take("\n".join(lines * 2)).readings}
    assert found == {(f"h{host}", f"m_f{field}"): host * 100.0 + field for host in range(20) for field in range(50)}


def test_what_is_remembered_of_names_has_a_limit():
    for start in range(0, 6_000, 1_000):
        take("\n".join(f"m,host=h{number} v=1" for number in range(start, start + 1_000)))
    take("\n".join(f"wide f{number}=1" for number in range(1_000)))
    assert line_protocol._remembered.cache_info().currsize <= line_protocol.REMEMBERED
    assert len(line_protocol._remembered(SHOP, "wide", ())) == line_protocol.FIELDS


@given(line_bodies(), st.sampled_from(["", "s", "h", "x"]))
@settings(deadline=1_000)
@example(b'a b="\xff"', "")
@example(b"a b=1 9223372036854775807\na b=1 -9223372036854775808", "h")
def test_nothing_that_a_sender_writes_is_more_than_a_rejection(body, precision):
    taken = take(body, precision=precision)
    assert bool(taken.error) == bool(taken.rejected)
    taken.error.encode()
    assert "\x00" not in taken.error
    for reading in taken.readings:
        assert math.isfinite(reading.value)
        assert NOW - DAY <= reading.ts <= NOW + 600_000
        assert not CONTROL.search(reading.identity.metric)
    for outcome in (Outcome(), Outcome(new=len(taken.readings))):
        for name in ("influx", "influx2"):
            answer = ENDPOINTS[name].answer(taken, outcome)
            assert answer.status in (204, 400)
            " ".join(answer.headers.values()).encode("latin-1")


@given(line_bodies().filter(lambda body: b'"' not in body))
def test_readings_are_those_of_the_parser_line_by_line(body):
    """What is remembered of a line's series never gives another line's."""
    lines = body.decode("utf-8", "replace").split("\n")
    expected = Counter(found for line in lines for found in _plain(line))
    taken = take("\n".join(lines))
    assert Counter((r.identity.metric, r.identity.labels, r.value) for r in taken.readings) == expected


def _plain(line):
    try:
        point = parse_line(line)
    except LineFormatError:
        return
    if point is None or not _is_kept(point):
        return
    for field, value in point["fields"].items():
        name = f"{point['measurement']}_{field}"
        if len(name) <= 200 and not CONTROL.search(name):
            yield name, tuple(sorted(point["tags"].items())), float(value)


def _is_kept(point):
    time = NOW if point["time"] is None else point["time"] // 1_000_000
    return NOW - DAY <= time <= NOW + 600_000 and all(map(_is_label, point["tags"].items()))


def _is_label(pair):
    return len(pair[0]) <= 128 and len(pair[1]) <= 1024 and bool(pair[0].strip()) and not CONTROL.search("".join(pair))
