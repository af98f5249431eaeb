from __future__ import annotations

import contextlib
import math
import time

import httpx
import pytest

from live.clock import now_ms
from metrics.exposition_protobuf import number_text
from metrics.exposition_text import MOST_SAMPLES
from metrics.ingest.calls import Call, Reason, Sender
from metrics.ingest.problems import Problem
from metrics.ingest.pushgateway import ENDPOINTS, OWN, take
from tests.metrics.ingest.by_hand import DELIMITED, family, field, labelled, varint

[ENDPOINT] = ENDPOINTS
COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)


@pytest.fixture
def read(shop):
    """`read(*families)`: what the endpoint takes of a body. `read(text=…)`: the same of the text format."""

    def read(*families, text=None, kind=DELIMITED):
        headers, body = ({}, text.encode()) if text is not None else ({"content-type": kind}, b"".join(families))
        now = now_ms()
        sender = Sender(shop.pk, "shop")
        return take(Call("PUT", "/metrics/job/backup", {}, headers, body, sender, now, now - 24 * 3_600_000))

    return read


def plain(taken):
    """Series, value and what is said of it, without the times and the group's own."""
    return sorted(
        (*one.identity[1:], one.value, one.unit, one.kind, one.help)
        for one in taken.readings
        if one.identity.metric not in OWN
    )


def number(kind: int, value: float, labels: bytes = b"") -> bytes:
    return labels + field({COUNTER: 3, GAUGE: 2, UNTYPED: 5}[kind], field(1, float(value)))


def bucket(count: int, bound: float) -> bytes:
    return field(3, field(1, count) + field(2, float(bound)))


def summary(count: int, total: float, quantiles: dict[float, float]) -> bytes:
    pairs = (field(3, field(1, float(at)) + field(2, float(value))) for at, value in quantiles.items())
    return field(4, field(1, count) + field(2, total) + b"".join(pairs))


FAMILIES = [
    family("jobs_total", COUNTER, number(COUNTER, 3, labelled(kind="new")), number(COUNTER, 1), text="Jobs\nrun."),
    family("heat_celsius", GAUGE, number(GAUGE, -21.5, labelled(room="a b", empty=""))),
    family("odd", UNTYPED, number(UNTYPED, 7), text='A "quoted" \\ word.'),
    family("wait_seconds", SUMMARY, summary(4, 2.5, {0.5: 0.25, 0.99: 1}), text="Waits."),
    family(
        "size_bytes",
        HISTOGRAM,
        labelled(zone="b")
        + field(7, field(1, 9) + field(2, 5e6) + bucket(2, 0.5) + bucket(3, 1000000) + bucket(9, math.inf)),
        labelled(zone="c") + field(7, field(1, 4) + field(2, 1.0) + bucket(1, 5)),
    ),
]
TEXT = r"""
# HELP jobs_total Jobs\nrun.
# TYPE jobs_total counter
jobs_total{kind="new"} 3
jobs_total 1
# TYPE heat_celsius gauge
heat_celsius{room="a b",empty=""} -21.5
# HELP odd A "quoted" \\ word.
# TYPE odd untyped
odd 7
# HELP wait_seconds Waits.
# TYPE wait_seconds summary
wait_seconds{quantile="0.5"} 0.25
wait_seconds{quantile="0.99"} 1
wait_seconds_sum 2.5
wait_seconds_count 4
# TYPE size_bytes histogram
size_bytes_bucket{zone="b",le="0.5"} 2
size_bytes_bucket{zone="b",le="1e+06"} 3
size_bytes_bucket{zone="b",le="+Inf"} 9
size_bytes_sum{zone="b"} 5e+06
size_bytes_count{zone="b"} 9
size_bytes_bucket{zone="c",le="5"} 1
size_bytes_bucket{zone="c",le="+Inf"} 4
size_bytes_sum{zone="c"} 1
size_bytes_count{zone="c"} 4
"""


def test_protobuf_says_what_the_text_of_the_same_client_says(read):
    found = plain(read(*FAMILIES))
    assert found == plain(read(text=TEXT))
    assert len(found) == 17
    assert ("wait_seconds_sum", (("job", "backup"),), 2.5, "s", "summary", "Waits.") in found


def test_native_buckets_leave_a_count_and_a_sum(read):
    native = field(7, field(1, 9) + field(2, 4.5) + field(4, 6) + field(8, field(2, b"\x02\x04")) + field(5, 1e-128))
    found = plain(read(family("lag_seconds", HISTOGRAM, native)))
    assert [one[:3] for one in found] == [
        ("lag_seconds_count", (("job", "backup"),), 9.0),
        ("lag_seconds_sum", (("job", "backup"),), 4.5),
    ]


def test_counts_that_are_no_integers_win(read):
    floating = field(7, field(9, 2.5) + field(2, 4.0) + field(3, field(4, 1.5) + field(2, 1.0)))
    found = {one[0]: one[2] for one in plain(read(family("load", HISTOGRAM, floating))) if "+Inf" not in str(one)}
    assert found == {"load_bucket": 1.5, "load_count": 2.5, "load_sum": 4.0}


def test_a_histogram_of_gauges_has_names_of_its_own(read):
    found = plain(read(family("held", GAUGE_HISTOGRAM, field(7, field(1, 2) + field(2, 3.0) + bucket(2, 1)))))
    assert {(one[0], one[4]) for one in found} == {
        ("held_bucket", "gauge"),
        ("held_gcount", "gauge"),
        ("held_gsum", "gauge"),
    }


def test_a_unit_that_is_told_counts_before_that_of_the_name(read):
    [one] = plain(read(family("size_bytes", GAUGE, number(GAUGE, 1), unit="seconds")))
    assert one[3] == "s"


def test_what_is_not_finite_is_counted(read):
    taken = read(family("wait", SUMMARY, summary(0, 0.0, {0.5: math.nan, 0.9: math.nan})))
    assert taken.rejected == {Reason.NOT_FINITE: 2}
    assert taken.error == "wait: metric[0]: expected a finite number, got nan"
    assert [one[0] for one in plain(taken)] == ["wait_count", "wait_sum"]


def test_an_empty_body_is_an_empty_group(read):
    assert (plain(read()), read().status) == ([], 200)


GOOD = number(GAUGE, 1)


@pytest.mark.parametrize(
    "body, sentence",
    [
        (b"\xff", "families[0]: expected the length of a message"),
        (b"\xff" * 11, "families[0]: expected the length of a message"),
        (family("a", GAUGE, GOOD) + b"\x05\x0a", "families[1]: the body breaks off: expected 5 bytes, got 1"),
        (varint(2**63) + b"a", f"families[0]: the body breaks off: expected {2**63} bytes, got 1"),
        (b"\x00", "families[0].name: expected 1 to 200 characters, got none"),
        (b"\x02\x08\x01", "families[0].name: expected 1 to 200 characters, got none"),  # a name that is a number
        (b"\x03\x0a\x01\xff", "families[0].name: expected UTF-8"),
        (b"\x03\x0a\x09a", "families[0]: expected a MetricFamily, unexpected end of a field"),
        (family("a", 6, GOOD), "families[0].type: expected 0 to 5, got 6"),
        (family("a", COUNTER, GOOD), "a: metric[0].counter: expected one, as the type of the family says"),
        (family("a", GAUGE, b"\x12"), "a: metric[0]: expected a Metric"),
        (family("a", GAUGE, GOOD + labelled(x="y").replace(b"y", b"\xff")), "a: metric[0]: expected a Metric"),
        (family("a", GAUGE, GOOD + field(6, 1)), "a: metric[0]: expected no time, since that of the push counts"),
        (family("a", GAUGE, GOOD, GOOD), "a: metric[1]: expected each series once, got a twice"),
        (family("a", GAUGE, GOOD) + family("a", GAUGE), "families[1]: expected each family once, got a twice"),
        (family("a", GAUGE, labelled(__x="1") + GOOD), "a: metric[0].label: expected the name of a label, got '__x'"),
        (family("a", GAUGE, labelled(x="1") * 2 + GOOD), "a: metric[0].label: the name x comes twice"),
        (family("a", GAUGE, labelled(**{"": "1"}) + GOOD), "a: metric[0].label: expected the name of a label, got ''"),
        (family("a", GAUGE, labelled(x="y" * 1025) + GOOD), "a: metric[0].x: expected at most 1024 characters"),
        (family("a", GAUGE, labelled(x="y" * 9_000) + GOOD), "a: metric[0].label: expected at most 30 labels"),
        (family("a", GAUGE, labelled(**{f"l{n}": "1" for n in range(31)}) + GOOD), "expected at most 30 labels"),
        (family("a" * 201, GAUGE, GOOD), "families[0].name: expected at most 200 characters, got 201"),
        (family("a" * 195, HISTOGRAM, field(7, bucket(1, 5))), "metric[0]: expected at most 200 characters, got 202"),
        (family("a\n", GAUGE, GOOD), "families[0].name: expected text without control characters"),
        (
            family("a", SUMMARY, labelled(quantile="1") + summary(1, 1.0, {0.5: 1})),
            "a: metric[0].label: the name quantile comes twice",
        ),
        (
            family("a", HISTOGRAM, field(7, bucket(1, 5) * 2)),
            "a: metric[0]: expected each series once, got a_bucket twice",
        ),
        (family("a", HISTOGRAM, field(7, bucket(1, 5) * 1_001)), "at most 1000 buckets or quantiles, got 1001"),
        (
            family("a", GAUGE, *[labelled(x=str(n)) + GOOD for n in range(MOST_SAMPLES + 1)]),
            f"a: expected at most {MOST_SAMPLES} samples",
        ),
    ],
)  # fmt: skip
def test_a_bad_body_is_refused_as_a_whole(read, body, sentence):
    taken = read(body)
    assert (taken.status, plain(taken)) == (400, [])
    assert sentence in taken.error


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.google.protobuf",
        DELIMITED.replace("delimited", "text"),
        DELIMITED.replace("vnd.google.protobuf", "x-protobuf"),
    ],
)
def test_other_protobuf_is_refused_with_advice(read, kind):
    with pytest.raises(Problem, match="encoding=delimited") as error:
        read(*FAMILIES, kind=kind)
    assert error.value.status == 415


@pytest.mark.parametrize("kind", [DELIMITED + "; escaping=values", DELIMITED.replace("; ", ";"), DELIMITED.upper()])
def test_the_type_may_be_written_in_many_ways(read, kind):
    assert len(plain(read(*FAMILIES, kind=kind))) == 17


@pytest.mark.parametrize(
    "number, text",
    {0.5: "0.5", 5: "5", 0: "0", 1e5: "100000", 1e6: "1e+06", 1234567: "1.234567e+06", 1e21: "1e+21", -2.5: "-2.5",
     1e-4: "0.0001", 1.5e-5: "1.5e-05", 123456.75: "123456.75", math.inf: "+Inf", -math.inf: "-Inf", math.nan: "NaN",
     1e300: "1e+300", 0.1 + 0.2: "0.30000000000000004"}.items(),
)  # fmt: skip
def test_numbers_are_written_as_go_writes_them(number, text):
    assert number_text(float(number)) == text


@pytest.mark.parametrize(
    "body",
    [
        bytes(ENDPOINT.unpacked),
        family("a", GAUGE, *[b""] * (ENDPOINT.unpacked // 2 - 10)),
        family("a", GAUGE, *[labelled(x=str(n)) + GOOD for n in range(40_000)]),
        family("a", HISTOGRAM, *[field(7, b"\x1a\x00" * 490)] * 1_000),
        b"".join(family(f"f{n}", GAUGE, GOOD, text="h" * 9) for n in range(29_000)),
        family("a" * 1_000_000, HISTOGRAM, field(7, b"\x1a\x00" * 1_000)),
    ],
    ids=["empty families", "empty metrics", "metrics", "buckets", "families", "a long name and many buckets"],
)
def test_a_body_of_the_largest_size_takes_less_than_a_second(read, body):
    assert len(body) <= ENDPOINT.unpacked
    began = time.process_time()
    with contextlib.suppress(Problem):
        read(body)
    assert time.process_time() - began < 1


def test_a_server_takes_what_go_pushes(shared_server):
    url, token = f"{shared_server.url}/metrics/job/go/host/db1", shared_server.source_token("go")
    headers = {"Content-Type": DELIMITED, "Authorization": f"Bearer {token}"}
    assert httpx.put(url, content=b"".join(FAMILIES), headers=headers).status_code == 200
    answer = httpx.post(url, content=b"".join(FAMILIES)[:-1], headers=headers)
    assert (answer.status_code, answer.text[:38]) == (400, "families[4]: the body breaks off: expe")
    found = shared_server.shell(
        "from metrics.series.models import Series\n"
        "print(Series.objects.filter(source__name='go', labels__job='go', labels__host='db1').count())"
    )
    assert int(found) == 17 + len(OWN)
