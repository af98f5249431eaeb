"""Clients that others wrote: what they send is what is stored, and they are content."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time

import pytest
from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Gauge, delete_from_gateway, push_to_gateway, pushadd_to_gateway
from prometheus_client import Counter as PrometheusCounter
from prometheus_client.exposition import basic_auth_handler

from tests.faults.sizes import sized
from tests.feeds.kept import ended, key_of, samples, values
from tests.servers.processes import NotInstalled

DELTAS = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
NEVER_S = 3_600
"""Exports happen when the test asks for them."""
POINTS = sized(2_000, 50_000)


# prometheus-client


def test_prometheus_client_pushes_adds_and_deletes(shared_server, token_of):
    token, registry, more = token_of("jobs"), CollectorRegistry(), CollectorRegistry()
    Gauge("run_seconds", "How long.", registry=registry).set(12.5)
    files = PrometheusCounter("files", "Files.", ["kind"], registry=registry)
    files.labels("new").inc(3)
    Gauge("late_seconds", "How late.", registry=more).set(1.25)
    whose = {
        "gateway": shared_server.url,
        "job": "night run",
        "grouping_key": {"disk": "a/b"},
        "handler": lambda **request: basic_auth_handler(**request, username="anybody", password=token),
    }

    def live() -> set:
        return {key for key, is_over in ended(shared_server, "jobs").items() if not is_over and key[0][:5] != "push_"}

    push_to_gateway(registry=registry, **whose)
    pushadd_to_gateway(registry=more, **whose)
    said = {
        key_of(one.name, one.labels | {"job": "night run", "disk": "a/b"}): [one.value]
        for family in [*registry.collect(), *more.collect()]
        for one in family.samples
    }
    found = values(shared_server, "jobs")
    assert {key: found[key] for key in said} == said
    assert live() == said.keys()

    push_to_gateway(registry=more, **whose)
    assert {key[0] for key in live()} == {"late_seconds"}
    delete_from_gateway(**whose)
    assert live() == set()


# OpenTelemetry


class Exporter(OTLPMetricExporter):
    """The SDK's own, which here remembers what it came to."""

    results: list[MetricExportResult]

    def export(self, *given, **more):
        result = super().export(*given, **more)
        self.results.append(result)
        return result


class Instrumented:
    """A program with a reader that exports, and a second one that tells the test what the instruments say."""

    def __init__(self, url: str, token: str, *, deltas: bool) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        temporality = DELTAS if deltas else {}
        self.exporter = Exporter(f"{url}/v1/metrics", headers=headers, preferred_temporality=temporality)
        self.exporter.results = []
        self._own = InMemoryMetricReader()
        periodic = PeriodicExportingMetricReader(self.exporter, export_interval_millis=NEVER_S * 1000)
        self.provider = MeterProvider([periodic, self._own], Resource({"service.name": "shop"}), shutdown_on_exit=False)
        self.meter = self.provider.get_meter("test")

    def totals(self) -> dict:
        """What the instruments have come to, always cumulative, as series are named here."""
        data = self._own.get_metrics_data()
        assert data is not None
        metrics = data.resource_metrics[0].scope_metrics[0].metrics
        return {key: value for one in metrics for point in one.data.data_points for key, value in _spelled(one, point)}


def _spelled(metric, point):
    labels = {name: str(value) for name, value in point.attributes.items()} | {"job": "shop"}
    if not hasattr(point, "bucket_counts"):
        yield key_of(metric.name, labels), point.value
        return
    yield key_of(f"{metric.name}_count", labels), point.count
    yield key_of(f"{metric.name}_sum", labels), point.sum
    below = 0
    for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts, strict=True):
        below += count
        le = bound if isinstance(bound, str) else f"{bound:g}"
        yield key_of(f"{metric.name}_bucket", labels | {"le": le}), below


@pytest.mark.parametrize("deltas", [False, True], ids=["cumulative", "delta"])
def test_the_opentelemetry_sdk_exports_what_it_counts(shared_server, token_of, deltas):
    source = f"sdk-{deltas}"
    program = Instrumented(shared_server.url, token_of(source), deltas=deltas)
    orders = program.meter.create_counter("orders")
    queue = program.meter.create_up_down_counter("queue")
    waits = program.meter.create_histogram("wait")
    said = []
    for paid, change in ((5, 3), (2, -2), (4.5, 1)):
        orders.add(paid, {"kind": "paid"})
        orders.add(1, {"kind": "free", "express": True})
        queue.add(change)
        for wait in (3, 60, 60, 20_000.5):
            waits.record(wait * paid)
        said.append(program.totals())
        assert program.provider.force_flush()
        time.sleep(0.002)  # the next export is of another millisecond
    program.provider.shutdown()
    assert program.exporter.results
    assert set(program.exporter.results) == {MetricExportResult.SUCCESS}
    found = values(shared_server, source)
    # Ending, it exports once more, and has nothing new to say; true is written as OTLP writes it.
    found = {
        (name, tuple((label, {"true": "True"}.get(text, text)) for label, text in labels)): numbers
        for (name, labels), numbers in found.items()
    }
    assert found.keys() == said[-1].keys()
    for key, numbers in found.items():
        expected = [totals[key] for totals in said]
        assert numbers[: len(expected)] == pytest.approx(expected), key
        assert set(numbers[len(expected) :]) <= {numbers[len(expected) - 1]}, key


# influxdb-client


def points(measurement: str, count: int, now_ms: int) -> list[Point]:
    made = (Point(measurement).tag("line", f"n {number % 7}").field("v", number * 0.5) for number in range(count))
    return [one.time(now_ms - number, WritePrecision.MS) for number, one in enumerate(made)]


def kept_of(server, source: str) -> dict[tuple[str, int], float]:
    found = samples(server, source)
    return {(labels[0][1], ts): value for (_name, labels), times in found.items() for ts, value in times.items()}


def test_influxdb_client_writes_at_once(shared_server, token_of):
    now = time.time_ns() // 1_000_000
    with InfluxDBClient(shared_server.url, token=token_of("influx"), org="any", enable_gzip=True) as client:
        client.write_api(write_options=SYNCHRONOUS).write(
            "any", record=points("depth", 200, now), write_precision=WritePrecision.MS
        )
    assert kept_of(shared_server, "influx") == {(f"n {n % 7}", now - n): n * 0.5 for n in range(200)}


def test_influxdb_client_writes_batches_and_hears_of_success_only(shared_server, token_of):
    now, written, failed, repeated = time.time_ns() // 1_000_000, [], [], []
    options = WriteOptions(batch_size=500, flush_interval=100, jitter_interval=0, retry_interval=200)
    callbacks = {
        "success_callback": lambda _to, lines: written.append(lines.count(b"\n") + 1),
        "error_callback": lambda *error: failed.append(error),
        "retry_callback": lambda *error: repeated.append(error),
    }
    with (
        InfluxDBClient(shared_server.url, token=token_of("batches"), org="any") as client,
        client.write_api(options, **callbacks) as writer,
    ):
        made = points("depth", POINTS, now)
        threads = [
            threading.Thread(target=writer.write, args=("any", None, made[share::3], WritePrecision.MS))
            for share in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (failed, repeated, sum(written)) == ([], [], POINTS)
    assert kept_of(shared_server, "batches") == {(f"n {n % 7}", now - n): n * 0.5 for n in range(POINTS)}


# curl


def curl(server, path: str, body: str | bytes, *options: str) -> str:
    """What it prints: the answer's body and then its status. It fails for every status from 400 on."""
    program = shutil.which("curl")
    if not program:
        raise NotInstalled("No curl: install it (Debian: apt-get install curl).")
    command = [program, "--silent", "--show-error", "--fail-with-body", "--write-out", "%{http_code}"]
    command += ["--data-binary", "@-", *options, server.url + path]
    data = body if isinstance(body, bytes) else body.encode()
    done = subprocess.run(command, input=data, capture_output=True, timeout=30)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    return done.stdout.decode()


def test_curl_sends_what_is_at_hand(shared_server, token_of):
    token, now = token_of("curl"), time.time_ns() // 1_000_000
    bearer = ("--header", f"Authorization: Bearer {token}")
    batch = json.dumps([{"metric": "json", "value": n, "ts": (now - n) / 1000, "labels": {"n": "é"}} for n in range(3)])
    big = "".join(f"big v={n} {now - n}\n" for n in range(20_000))
    assert [
        curl(shared_server, "/api/samples", batch, *bearer),
        # Above a kilobyte curl asks first whether it may (Expect: 100-continue), and without a length it sends chunks.
        curl(shared_server, "/write?db=any&precision=ms", big, "--user", f"any:{token}"),
        curl(
            shared_server, "/api/v2/write?precision=s", f"two v=7 {now // 1000}", "-H", f"Authorization: Token {token}"
        ),
        curl(shared_server, "/api/v2/write", "chunked v=8", *bearer, "-H", "Transfer-Encoding: chunked"),
        curl(shared_server, "/metrics/job/curl/disk/a%20b", "gateway 9\n", *bearer),
        curl(shared_server, "/metrics/job/curl/disk/a%20b", "gateway 10\n", *bearer, "--request", "PUT"),
    ] == ["204", "204", "204", "204", "200", "200"]
    found = {name: numbers for (name, _labels), numbers in values(shared_server, "curl").items()}
    gateway = found.pop("gateway")
    assert gateway == [9, 10]
    assert {name: numbers for name, numbers in found.items() if not name.startswith("push_")} == {
        "json": [2, 1, 0],
        "big_v": [float(n) for n in reversed(range(20_000))],
        "two_v": [7],
        "chunked_v": [8],
    }
    assert samples(shared_server, "curl")[key_of("two_v", {})] == {now // 1000 * 1000: 7}
    assert samples(shared_server, "curl")[key_of("json", {"n": "é"})] == {now - n: n for n in range(3)}
