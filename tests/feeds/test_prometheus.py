"""Prometheus feeds Watchfloor, is asked by it, and its exporter is scraped by both: everybody says the same.

Debian's Prometheus (2.42) writes version 1; version 2 came with 2.54, and is written here as that one does.
"""

from __future__ import annotations

import contextlib
import math
import time
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.crowd import until
from tests.faults.sizes import sized
from tests.feeds.counters import counters, samples_of
from tests.feeds.kept import SERIES, Samples, ended, kept_key, key_of, rows, samples
from tests.metrics.ingest.by_hand import DELIMITED, V2, Symbols, packed, sample, series_2
from tests.servers.prometheus import Prometheus, node_exporter, prometheus

SCRAPES = sized(12, 60)
"""One a second."""
SOON_S = 30.0
MORE = """\
  - job_name: leaving
    static_configs: [{{targets: ["{leaving}"]}}]
remote_write:
  - url: {url}/api/v1/write
    authorization: {{credentials: {token}}}
    queue_config: {{batch_send_deadline: 200ms}}
"""
TEXT = "text/plain; version=0.0.4"
SAID = "SELECT metrics_series.name, metrics_series.labels, metrics_series.kind, unit, help "
SAID += f"FROM {SERIES} WHERE metrics_source.name = %s"
CONSTANT = {"node_memory_MemTotal_bytes", "node_boot_time_seconds", "node_uname_info", "go_info", "process_max_fds"}
SHOWN = """
import time
from live.clock import now_ms
from metrics.kpis.models import KPI
from metrics.kpis.reading import evaluate_all
def shown(source):
    kpi = KPI.objects.get(source__name=source)
    return evaluate_all([kpi], now_ms())[kpi.pk].value
ends = time.monotonic() + 20
while (value := shown("prom")) is None and time.monotonic() < ends:
    time.sleep(0.1)
print(value)
"""


class Fed(NamedTuple):
    """`leaving` ends the second exporter."""

    prometheus: Prometheus
    leaving: contextlib.ExitStack


@pytest.fixture(scope="module")
def fed(shared_server, token_of, tmp_path_factory) -> Iterator[Fed]:
    folder = tmp_path_factory.mktemp("fed")
    with contextlib.ExitStack() as leaving:
        target = leaving.enter_context(node_exporter(folder)).split("/")[2]
        more = MORE.format(leaving=target, url=shared_server.url, token=token_of("prometheus"))
        with prometheus(folder, more) as server:
            yield Fed(server, leaving)


def page_of(address: str) -> dict[tuple, float]:
    """What an exporter says now, by series."""
    with urllib.request.urlopen(address, timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {key_of(one.name, one.labels): one.value for family in families for one in family.samples}


def test_a_kpi_shows_what_prometheus_says(fed, console):
    console.run(
        f"call_command('add_source', 'prom', kind='promql', url={fed.prometheus.url!r}, interval=1, timeout=1)\n"
        "call_command('add_kpi', 'sum(node_memory_MemTotal_bytes)', source='prom')"
    )
    (total,) = fed.prometheus.query("sum(node_memory_MemTotal_bytes)")
    assert float(console.run(SHOWN)) == float(total["value"][1])


@pytest.mark.parametrize("whose", ["exporter", "server"])
def test_protobuf_as_go_writes_it_comes_to_what_its_text_comes_to(fed, shared_server, token_of, whose):
    """Both forms of one page are pushed, as jobs push them."""
    page = fed.prometheus.exporter if whose == "exporter" else f"{fed.prometheus.url}/metrics"
    for kind in (DELIMITED, TEXT, DELIMITED, TEXT):  # the first fetches are counted on the pages of the others
        form = httpx.get(page, headers={"Accept": kind})
        assert form.headers["content-type"].startswith(kind.partition(";")[0])
        source = f"{whose}-{'go' if kind == DELIMITED else 'text'}"
        pushed = httpx.put(
            f"{shared_server.url}/metrics/job/page",
            content=form.content,
            headers={"Content-Type": form.headers["content-type"], "Authorization": f"Bearer {token_of(source)}"},
        )
        assert (pushed.status_code, pushed.text) == (200, "")
    go, text = (described(shared_server, f"{whose}-{form}") for form in ("go", "text"))
    assert go.keys() == text.keys()
    assert go == text
    assert len(go) > 100
    assert {"counter", "gauge", "summary"} <= {kind for kind, _unit, _help in go.values()}
    if whose == "server":
        assert any(("le", "+Inf") in labels for _name, labels in go)
    pushed = [values_of(shared_server, f"{whose}-{form}") for form in ("go", "text")]
    assert pushed[0] == pushed[1] != {}


def described(server, source: str) -> dict:
    """Kind, unit and help of each series that did not end; quantiles that nobody observed lately are no numbers."""
    found = {kept_key(name, labels): tuple(said) for name, labels, *said in rows(server, SAID, source)}
    return {key: said for key, said in found.items() if "quantile" not in dict(key[1])}


def values_of(server, source: str) -> dict:
    return {key: set(found.values()) for key, found in samples(server, source).items() if key[0] in CONSTANT}


def test_our_own_scrape_says_what_the_exporter_says(fed, console, shared_server):
    page = fed.prometheus.exporter
    before = page_of(page)
    console.run(f"call_command('add_source', 'scraped', kind='scrape', url={page!r}, interval=1, timeout=1)")

    def scraped() -> Samples:
        """As the page spells it: without what is added to tell of where it was scraped."""
        added = {("job", "scraped"), ("instance", page.split("/")[2])}
        found = samples(shared_server, "scraped")
        return {(name, tuple(set(labels) - added)): times for (name, labels), times in found.items()}

    until(lambda: len(scraped()) > len(before), SOON_S, "it is scraped")
    found, after = scraped(), page_of(page)
    assert set(found["up", ()].values()) == {1}
    found = {(name, tuple(sorted(labels))): times for (name, labels), times in found.items()}
    assert {key for key, value in before.items() if math.isfinite(value)} <= found.keys()
    constant = [key for key in before if key[0] in CONSTANT]
    assert {name for name, _labels in constant} == CONSTANT
    assert {key: set(found[key].values()) for key in constant} == {key: {before[key]} for key in constant}
    counted = [key for key in before if key[0].endswith("_total")]
    assert counted
    assert [key for key in counted if not before[key] <= max(found[key].values()) <= after[key]] == []


def test_version_2_is_written_as_its_sender_counts(fed, shared_server, token_of):
    """A sender of version 2 takes for lost what the answer does not say is written."""
    page, symbols, now = page_of(fed.prometheus.exporter), Symbols(), time.time_ns() // 1_000_000
    finite = {key: value for key, value in page.items() if math.isfinite(value)}
    spelled = [
        series_2(symbols, dict(labels) | {"__name__": name}, sample(value, now))
        for (name, labels), value in finite.items()
    ]
    headers = {
        "Authorization": f"Bearer {token_of('version-2')}",
        "Content-Type": V2,
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
        "User-Agent": "Prometheus/3.5.0",
    }
    for attempt in ({}, {"Retry-Attempt": "1"}):
        body = packed(bytes(symbols) + b"".join(spelled))
        answer = httpx.post(f"{shared_server.url}/api/v1/write", content=body, headers=headers | attempt)
        assert answer.status_code == 204
        assert int(answer.headers["X-Prometheus-Remote-Write-Samples-Written"]) == len(finite)
        assert answer.headers["X-Prometheus-Remote-Write-Histograms-Written"] == "0"
        assert answer.headers["X-Prometheus-Remote-Write-Exemplars-Written"] == "0"
    assert samples(shared_server, "version-2") == {key: {now: value} for key, value in finite.items()}


def test_series_end_here_when_their_exporter_does(fed, shared_server):
    fed.leaving.close()
    about = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_series_added"}
    about.add("scrape_samples_post_metric_relabeling")

    def of(job: str) -> dict[str, set[bool]]:
        states: dict[str, set[bool]] = {"exporter's": set(), "scrape's": set()}
        for (name, labels), is_over in ended(shared_server, "prometheus").items():
            if ("job", job) in labels:
                states["scrape's" if name in about else "exporter's"].add(is_over)
        return states

    until(lambda: of("leaving") == {"exporter's": {True}, "scrape's": {False}}, SOON_S, lambda: str(of("leaving")))
    assert of("node") == {"exporter's": {False}, "scrape's": {False}}
    assert fed.prometheus.query('node_load1{job="leaving"}') == []
    (up,) = (
        times for (name, labels), times in samples(shared_server, "prometheus").items()
        if name == "up" and ("job", "leaving") in labels
    )  # fmt: skip
    assert up[max(up)] == 0


def test_every_value_is_prometheus_own_and_it_counts_no_failure(fed, shared_server):
    def scrapes() -> int:
        return len(max(samples_of(fed.prometheus, 'up{job="node"}').values(), key=len))

    until(lambda: scrapes() >= SCRAPES, SCRAPES + SOON_S, "it has scraped often enough")
    until_ms = time.time_ns() // 1_000_000
    expected = samples_of(fed.prometheus, '{job=~"node|leaving"}', until_ms)

    def kept() -> Samples:
        found = samples(shared_server, "prometheus")
        return {key: cut for key, times in found.items() if (cut := {t: v for t, v in times.items() if t <= until_ms})}

    with contextlib.suppress(AssertionError):  # the comparison below says what is missing
        until(lambda: kept() == expected, SOON_S, look_every_s=0.3)
    found = kept()
    assert found.keys() == expected.keys()
    assert [key for key in expected if found[key] != expected[key]] == []
    counted = counters(fed.prometheus)
    assert counted["samples_total"] >= sum(len(times) for times in expected.values())
    assert {name: counted[f"{name}_failed_total"] for name in ("samples", "metadata", "exemplars", "histograms")} == {
        "samples": 0, "metadata": 0, "exemplars": 0, "histograms": 0,
    }  # fmt: skip
    assert counted["samples_dropped_total"] == 0
