from __future__ import annotations

import contextlib
import math
import time
import urllib.request

import pytest
from hypothesis import given, settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, Summary, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from metrics.exposition_text import LINE, MOST_LINES, MOST_SAMPLES, BadText, exposed, is_openmetrics, wanted_names
from tests.metrics.ingest.hostile_text import LONG, exposition_bodies
from tests.servers.prometheus import node_exporter


def read(text, **options):
    return list(exposed(text.encode() if isinstance(text, str) else text, **options))


def one(text, **options):
    [found] = read(text, **options)
    return found


def fault(text, **options):
    with pytest.raises(BadText) as error:
        read(text, **options)
    return str(error.value)


@pytest.fixture(scope="module")
def node_page(tmp_path_factory):
    with (
        node_exporter(tmp_path_factory.mktemp("node")) as page,
        urllib.request.urlopen(page) as answer,
    ):
        return answer.read()


@pytest.fixture
def registry():
    registry = CollectorRegistry()
    Counter("orders", "Orders taken.", ["shop"], registry=registry).labels("riga").inc(3)
    Gauge("queue_bytes", "Waiting\nbytes.", registry=registry).set(-1.5)
    Histogram("latency_seconds", "How long.", buckets=[0.5], registry=registry).observe(
        0.25, exemplar={"trace": "} # {"}
    )
    Summary("size", "How large.", registry=registry).observe(7)
    Info("build", "Which.", registry=registry).info({"version": "1"})
    return registry


def kinds(samples):
    return {sample.name: sample.kind for sample in samples if not sample.name.endswith("_created")}


def test_a_real_exporters_page_is_read_as_prometheus_client_reads_it(node_page):
    theirs = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(node_page.decode())
        for sample in family.samples
    }
    ours = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in read(node_page)}
    assert len(ours) > 50
    assert ours == theirs


def test_kinds_units_and_helps_come_from_the_lines_about_metrics(registry):
    samples = read(generate_latest(registry))
    assert kinds(samples) == {
        "orders_total": "counter",
        "queue_bytes": "gauge",
        "latency_seconds_bucket": "histogram",
        "latency_seconds_count": "histogram",
        "latency_seconds_sum": "histogram",
        "size_count": "summary",
        "size_sum": "summary",
        "build_info": "gauge",
    }
    about = {sample.name: (sample.unit, sample.help) for sample in samples}
    assert about["queue_bytes"] == ("B", "Waiting bytes.")
    assert about["latency_seconds_sum"] == ("s", "How long.")
    assert about["latency_seconds_count"] == ("", "How long.")


def test_openmetrics_says_the_same(registry):
    plain, samples = read(generate_latest(registry)), read(generate_openmetrics(registry), openmetrics=True)
    assert kinds(samples) == kinds(plain)
    values = {(sample.name, *sample.labels.items()): sample.value for sample in plain if "_created" not in sample.name}
    assert values == {(s.name, *s.labels.items()): s.value for s in samples if "_created" not in s.name}


def test_an_exemplar_is_passed_over():
    text = 'h_bucket{le="1"} 7 1795154400.5 # {trace="a # b} 9"} 0.5 1795154400\n# EOF\n'
    assert one(text, openmetrics=True)[:4] == ("h_bucket", {"le": "1"}, 7.0, 1795154400500)


def test_a_counter_keeps_its_name_without_total():
    assert one("# TYPE hits counter\nhits 3\n")[:5] == ("hits", {}, 3.0, None, "counter")


def test_the_unit_of_openmetrics_is_shown_as_tiles_write_it():
    assert one("# TYPE t gauge\n# UNIT t celsius\nt 3\n# EOF\n", openmetrics=True).unit == "°C"


def test_times_are_ms_in_text_and_seconds_in_openmetrics():
    assert one("a 1 1795154400123").ts == 1795154400123
    assert one("a 1 1795154400.123\n# EOF", openmetrics=True).ts == 1795154400123


def test_a_name_in_quotes_may_be_any_text():
    sample = one('# TYPE "http.requests" counter\n# HELP "http.requests" All.\n{"http.requests",path="/"} 3\n')
    assert sample[:3] == ("http.requests", {"path": "/"}, 3.0)
    assert (sample.kind, sample.help) == ("counter", "All.")


def test_escapes_in_labels_are_undone():
    assert one('a{b="x\\\\y\\"z\\n",c="} 1"} 1').labels == {"b": 'x\\y"z\n', "c": "} 1"}


def test_a_line_is_parted_only_by_a_line_feed():
    assert one('a{b="x\u2028\x85y"} 1').labels == {"b": "x\u2028\x85y"}


def test_values_that_are_not_finite_are_handed_over():
    values = [sample.value for sample in read("a +Inf\nb -Inf\nc NaN\nd " + "9" * 400)]
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])
    assert values[3] == math.inf


def test_a_missing_final_line_feed_and_windows_line_ends_do_no_harm():
    assert [sample.value for sample in read("a 1\r\nb 2")] == [1.0, 2.0]


@pytest.mark.parametrize(
    "line",
    ["garbage", "a", "a b", "a 1 2 3", "a{} 1 2 3", "a{b} 1", 'a{b="c} 1', "a{b=c} 1", 'a{x-y="1"} 1', 'a{__x="1"} 1',
     'a{b="1",b="2"} 1', "1a 1", 'x y{b="1"} 1', "{} 1", "a 1_0", "a 1 NaN", "é 1", "<html>"],
)  # fmt: skip
def test_a_bad_line_is_named_with_its_number(line):
    said = fault(f"# HELP good Good.\ngood 1\n\n{line}\ngood 2\n")
    assert said.startswith("line 4: expected ")
    assert repr(line)[1:5].strip("'") in said or not line.isascii()


def test_what_is_no_utf8_is_named():
    assert fault(b"a 1\nb\xff 2\n") == "expected UTF-8, byte 5 is not"


def test_openmetrics_without_its_end_is_broken_off():
    assert fault("a 1\n", openmetrics=True) == "the text breaks off: expected # EOF at its end"
    assert fault("a 1\n# EOF\nb 1\n", openmetrics=True).startswith("line 3: expected nothing after # EOF")


def test_a_line_of_64_kib_is_read_and_a_longer_one_is_not():
    comment = "#" * LINE
    assert one(f"{comment}\na 1").value == 1.0
    assert fault(f"{comment}#\na 1").startswith(f"line 1: expected at most {LINE} characters")


def test_there_is_an_end_to_the_number_of_samples():
    assert len(read("a 1\n" * MOST_SAMPLES)) == MOST_SAMPLES
    assert fault("a 1\n" * (MOST_SAMPLES + 1)).startswith(f"line {MOST_SAMPLES + 1}: expected at most")


def test_there_is_an_end_to_the_number_of_lines():
    assert one("\n" * (MOST_LINES - 1) + "a 1").place == f"line {MOST_LINES}"
    assert fault("\n" * MOST_LINES + "a 1") == f"expected at most {MOST_LINES} lines"


def test_lines_are_counted_over_the_whole_text():
    places = [sample.place for sample in read('a{b="%s"} 1\n' % ("x" * 900) * 1_000)]
    assert places == [f"line {number}" for number in range(1, 1_001)]


def test_a_second_type_is_a_fault_only_where_it_is_asked_for():
    text = "# TYPE a gauge\na 1\n# TYPE a counter\na 2\n"
    assert [sample.kind for sample in read(text)] == ["gauge", "gauge"]
    assert fault(text, strict=True).startswith("line 3: expected one TYPE for a metric")
    assert fault("a 1\n# TYPE a gauge\n", strict=True).startswith("line 2: expected one TYPE for a metric")


@pytest.mark.parametrize(
    "patterns, names",
    [
        ("", ["a", "a.b", "ab", "b"]),
        ("a", ["a"]),
        (" a* \n\n", ["a", "a.b", "ab"]),
        ("*b\nb", ["a.b", "ab", "b"]),
        ("a.b", ["a.b"]),
        ("*", ["a", "a.b", "ab", "b"]),
        ("A", []),
    ],
)
def test_only_wanted_names_are_read(patterns, names):
    text = 'a 1\n{"a.b"} 1\nab{x="1"} 1\nb 1\n'
    assert [sample.name for sample in read(text, wanted=wanted_names(patterns))] == names


def test_what_is_not_wanted_is_hardly_looked_at(node_page):
    page = node_page * 10
    wanted = wanted_names("node_load1\nnode_time_seconds")
    all_of_it = min(timed(lambda: read(page)) for _ in range(3))
    some = min(timed(lambda: read(page, wanted=wanted)) for _ in range(3))
    assert some < all_of_it / 3


def test_many_stars_are_matched_in_no_time():
    wanted = wanted_names("*".join("a" * 40))
    assert timed(lambda: read("a" * 5_000 + "b 1", wanted=wanted)) < 1


@pytest.mark.parametrize(
    "content_type, expected",
    [
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        ("Application/OpenMetrics-Text", True),
        ("text/plain; version=0.0.4", False),
        ("", False),
    ],
)
def test_the_content_type_tells_openmetrics(content_type, expected):
    assert is_openmetrics(content_type) is expected


@pytest.mark.parametrize("openmetrics", [False, True])
@given(body=exposition_bodies())
@settings(max_examples=300)
def test_whatever_comes_is_read_or_named(openmetrics, body):
    try:
        for sample in exposed(body, openmetrics=openmetrics, strict=True):
            assert isinstance(sample.value, float)
            assert sample.ts is None or isinstance(sample.ts, int)
            assert sample.name
    except BadText as error:
        str(error).encode()


@pytest.mark.parametrize("what", LONG)
@pytest.mark.parametrize("openmetrics", [False, True])
def test_hostile_text_takes_time_in_proportion_to_its_length(what, openmetrics):
    short, long = LONG[what] + b"\n", (LONG[what] + b"\n") * 6
    took = {body: min(timed(lambda body=body: attempt(body, openmetrics)) for _ in range(2)) for body in (short, long)}
    assert took[long] < 1
    assert took[long] < took[short] * 10 + 0.02


@pytest.mark.parametrize("what", ["escaped quotes in a value", "3,200 labels", "a quoted name"])
def test_what_would_take_long_is_not_even_parsed(what):
    assert fault(LONG[what]).startswith("line 1: expected at most 30 labels of 1024 characters")


def attempt(body, openmetrics):
    with contextlib.suppress(BadText):
        read(body, openmetrics=openmetrics)


def timed(work):
    began = time.process_time()
    work()
    return time.process_time() - began
