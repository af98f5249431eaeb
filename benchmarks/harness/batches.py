"""Requests of many series, as the senders of each protocol write them.

They are made once and only filled anew, so that the machine is left to the server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cramjam
from line_protocol_parser import parse_line
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from metrics.ingest.messages import classes

SHARDS = 4
"""Connections of a sender, each with series of its own."""
SERIES = 250
"""Of a shard."""

Body = Callable[[Sequence[int], int], bytes]
"""A body with all series of a shard at these times (epoch ms), each with this value."""

WRITE = classes(
    "prometheus",
    {
        "Label": ["name 1 string", "value 2 string"],
        "Sample": ["value 1 double", "timestamp 2 int64"],
        "TimeSeries": ["labels 1 Label*", "samples 2 Sample*"],
        "WriteRequest": ["timeseries 1 TimeSeries*"],
    },
)["WriteRequest"]


@dataclass(frozen=True, slots=True)
class Format:
    """A protocol. `samples` are those of a full request; `bodies` makes the body of a shard and a number of times.

    `parse` does what the parser alone does, down to the numbers, and returns how many there were.
    """

    name: str
    path: str
    headers: Mapping[str, str]
    samples: int
    bodies: Callable[[int, int], Body]
    parse: Callable[[bytes], int]

    @property
    def times(self) -> int:
        return self.samples // SERIES


def metric(shard: int) -> str:
    return f"shard_{shard}_requests"


def path_of(series: int) -> dict[str, str]:
    """The label by which the series of a shard differ."""
    return {"path": f"/orders/{series}"}


def _labels(series: int) -> dict[str, str]:
    return {"method": "GET", **path_of(series), "status": "200", "zone": "eu-1"}


def _sender(shard: int) -> dict[str, str]:
    return {"instance": f"web-{shard}:9100", "job": "shop"}


def _remote_write(shard: int, times: int) -> Body:
    """A time series for each sample, as Prometheus sends them, with seven labels."""
    request = WRITE()
    rows = [[_add_series(request, shard, series) for series in range(SERIES)] for _ in range(times)]

    def body(at: Sequence[int], value: int) -> bytes:
        for row, ts in zip(rows, at, strict=True):
            for sample in row:
                sample.timestamp, sample.value = ts, value
        return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))

    return body


def _add_series(request: WRITE, shard: int, series: int) -> object:
    added = request.timeseries.add()
    for name, value in sorted({"__name__": metric(shard), **_sender(shard), **_labels(series)}.items()):
        added.labels.add(name=name, value=value)
    return added.samples.add()


def _parse_remote_write(body: bytes) -> int:
    series = WRITE.FromString(bytes(cramjam.snappy.decompress_raw(body))).timeseries
    return sum(one.timestamp > 0 < one.value for each in series for one in each.samples)


def _otlp(shard: int, times: int) -> Body:
    """A resource for each time, as a collector gathers what its clients export."""
    request = ExportMetricsServiceRequest()
    rows = [_add_points(request, shard) for _ in range(times)]

    def body(at: Sequence[int], value: int) -> bytes:
        for row, ts in zip(rows, at, strict=True):
            for point in row:
                point.time_unix_nano, point.as_double = ts * 1_000_000, value
        return request.SerializeToString()

    return body


def _add_points(request: ExportMetricsServiceRequest, shard: int) -> list:
    resource = request.resource_metrics.add()
    sender = _sender(shard)
    names = {"service.name": sender["job"], "service.instance.id": sender["instance"]}
    resource.resource.attributes.extend(_attributes(names))
    gauge = resource.scope_metrics.add().metrics.add(name=metric(shard), unit="{request}").gauge
    return [gauge.data_points.add(attributes=_attributes(_labels(series))) for series in range(SERIES)]


def _attributes(texts: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=text)) for key, text in texts.items()]


def _parse_otlp(body: bytes) -> int:
    return sum(
        point.time_unix_nano > 0 < point.as_double
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for each in scope.metrics
        for point in each.gauge.data_points
    )


def _lines(shard: int, times: int) -> Body:
    """Lines of six tags and one field, with times in nanoseconds."""
    measurement, _, field = metric(shard).rpartition("_")
    tags = [",".join(f"{k}={v}" for k, v in {**_sender(shard), **_labels(n)}.items()) for n in range(SERIES)]
    heads = [f"{measurement},{each} {field}=" for each in tags]
    return lambda at, value: "".join(f"{head}{value} {ts}000000\n" for ts in at for head in heads).encode()


def _parse_lines(body: bytes) -> int:
    return sum(parse_line(line)["time"] > 0 for line in body.decode().split("\n") if line)


def _json(shard: int, times: int) -> Body:
    labels = [json.dumps({**_sender(shard), **_labels(series)}) for series in range(SERIES)]
    heads = [f'{{"metric":"{metric(shard)}","labels":{each},' for each in labels]

    def body(at: Sequence[int], value: int) -> bytes:
        texts = (f'{head}"ts":{ts / 1000},"value":{value}}}' for ts in at for head in heads)
        return f"[{','.join(texts)}]".encode()

    return body


def _parse_json(body: bytes) -> int:
    return sum(one["ts"] > 0 < one["value"] for one in json.loads(body))


PROTOBUF = {"Content-Type": "application/x-protobuf"}
SNAPPY = {"Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
FORMATS = {
    one.name: one
    for one in (
        Format("remote_write", "/api/v1/write", PROTOBUF | SNAPPY, 2_000, _remote_write, _parse_remote_write),
        Format("otlp", "/v1/metrics", PROTOBUF, 1_000, _otlp, _parse_otlp),
        Format("lines", "/api/v2/write", {"Content-Type": "text/plain"}, 5_000, _lines, _parse_lines),
        Format("json", "/api/samples", {"Content-Type": "application/json"}, 500, _json, _parse_json),
    )
}
