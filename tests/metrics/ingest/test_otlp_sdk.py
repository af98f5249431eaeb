"""The OpenTelemetry SDK with its own exporter against a server as people run it; and what it never sends."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from tests.servers.watchfloor import Watchfloor

STORED = """
import json
from metrics.series.models import Series
for s in Series.objects.filter(source__name={source!r}).order_by("pk"):
    values = list(s.samples.order_by("ts").values_list("value", flat=True))
    print(json.dumps([s.name, s.labels, s.kind, s.unit, s.help, values]))
"""
DELTAS = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


def stored(server: Watchfloor, source: str) -> dict[tuple[str, ...], list]:
    """Kind, unit, help and values, by the metric's name and its labels."""
    rows = map(json.loads, server.shell(STORED.format(source=source)).splitlines())
    return {
        (name, *(f"{label}={text}" for label, text in sorted(labels.items()))): rest for name, labels, *rest in rows
    }


class Shop:
    """An instrumented program. `export` sends what its instruments say."""

    def __init__(self, server: Watchfloor, token: str, *, compression: Compression, deltas: bool) -> None:
        self._reader = InMemoryMetricReader(preferred_temporality=DELTAS if deltas else {})
        buckets = View(instrument_name="wait", aggregation=ExplicitBucketHistogramAggregation((0.1, 1)))
        resource = Resource({"service.name": "shop", "service.instance.id": "a-1"})
        self._provider = MeterProvider([self._reader], resource, views=[buckets])
        self.meter = self._provider.get_meter("test")
        self._exporter = OTLPMetricExporter(
            f"{server.url}/v1/metrics",
            headers={"Authorization": f"Bearer {token}"},
            compression=compression,
            timeout=10,
        )

    def export(self) -> None:
        data = self._reader.get_metrics_data()
        assert data is not None
        assert self._exporter.export(data) is MetricExportResult.SUCCESS

    def close(self) -> None:
        self._provider.shutdown()
        self._exporter.shutdown()


@pytest.mark.parametrize("deltas", [False, True], ids=["cumulative", "delta"])
@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_what_an_instrumented_program_counts_is_stored(shared_server, compression, deltas):
    source = f"sdk-{compression.value}-{deltas}"
    shop = Shop(shared_server, shared_server.source_token(source), compression=compression, deltas=deltas)
    orders = shop.meter.create_counter("shop.orders", unit="{order}", description="Orders taken.")
    waits = shop.meter.create_histogram("wait", unit="s")
    shop.meter.create_observable_gauge("queue", unit="By", callbacks=[lambda _options: [Observation(7, {"name": "a"})]])
    for total in (5, 3):
        orders.add(total, {"kind": "paid"})
        for wait in (0.05, 0.5, 0.75, 20.0):
            waits.record(wait)
        shop.export()
        time.sleep(0.002)  # the next export is of another millisecond
    shop.close()
    here = ("instance=a-1", "job=shop")
    assert stored(shared_server, source) == {
        ("shop.orders", *here, "kind=paid"): ["counter", "", "Orders taken.", [5, 8]],
        ("wait_bucket", *here, "le=0.1"): ["histogram", "", "", [1, 2]],
        ("wait_bucket", *here, "le=1"): ["histogram", "", "", [3, 6]],
        ("wait_bucket", *here, "le=+Inf"): ["histogram", "", "", [4, 8]],
        ("wait_count", *here): ["histogram", "", "", [4, 8]],
        ("wait_sum", *here): ["histogram", "s", "", [21.3, 42.6]],
        ("queue", *here, "name=a"): ["gauge", "B", "", [7, 7]],
    }


@pytest.fixture
def client(shared_server: Watchfloor) -> Iterator[httpx.Client]:
    token = shared_server.source_token("otlp-by-hand")
    with httpx.Client(base_url=shared_server.url, headers={"X-Api-Key": token}) as client:
        yield client


def request(metric: str, value: float) -> bytes:
    points = [{"asDouble": value}]
    metrics = [{"name": metric, "gauge": {"dataPoints": points}}]
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()


def test_json_comes_in_chunks_and_packed(shared_server, client):
    def chunks(body: bytes) -> Iterator[bytes]:
        yield body[:20]
        yield body[20:]

    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post("/v1/metrics", content=chunks(gzip.compress(request("chunked", 3))), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    assert stored(shared_server, "otlp-by-hand")[("chunked",)][-1] == [3]


def test_what_is_malformed_is_answered_with_a_status(client):
    answer = client.post("/v1/metrics", content=b"\x0a\x99", headers={"Content-Type": "application/x-protobuf"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/x-protobuf")
    assert "ExportMetricsServiceRequest" in Status.FromString(answer.content).message


def test_a_browser_that_comes_by_is_told_to_post(client):
    assert (client.get("/v1/metrics").status_code, client.get("/v1/metrics").headers["allow"]) == (405, "POST")
