"""OTLP requests as its own classes write them (the package opentelemetry-proto)."""

from __future__ import annotations

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from metrics.ingest import otlp
from tests.metrics.ingest.by_hand import NOW, SHOP, call

PROTOBUF, JSON = "application/x-protobuf", "application/json"
NANO = 1_000_000
CUMULATIVE, DELTA = 2, 1


def request(name="load", *, unit="", description="", resource=(), **data) -> ExportMetricsServiceRequest:
    """A request with one metric: `gauge={...}`, `sum={...}` and so on."""
    made = ExportMetricsServiceRequest()
    metrics = made.resource_metrics.add()
    put(metrics.resource.attributes, dict(resource))
    metric = metrics.scope_metrics.add().metrics.add(name=name, unit=unit, description=description)
    for shape, fields in data.items():
        points = fields.pop("points")
        part = getattr(metric, shape)
        part.SetInParent()
        for key, value in fields.items():
            setattr(part, key, value)
        for point in points:
            add_point(part, **point)
    return made


def add_point(part, *, ts=NOW, attributes=(), quantiles=(), **fields):
    point = part.data_points.add(time_unix_nano=ts * NANO, **fields)
    put(point.attributes, dict(attributes))
    for quantile, value in dict(quantiles).items():
        point.quantile_values.add(quantile=quantile, value=value)


def put(attributes, values):
    kinds = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value"}
    for key, value in values.items():
        attribute = attributes.add(key=key)
        if value is not None:
            setattr(attribute.value, kinds[type(value)], value)


def sent(message, *, sender=SHOP, media=PROTOBUF):
    body = message.SerializeToString() if media == PROTOBUF else MessageToJson(message).encode()
    return call(body, sender=sender, content_type=media)


def take(message, **more):
    return otlp.take(sent(message, **more))


def gauge(**point):
    return request(gauge={"points": [{"as_double": 1.5} | point]})


def histogram(temporality=CUMULATIVE, **point):
    fields = {"count": 10, "sum": 4.5, "bucket_counts": [1, 2, 3, 4], "explicit_bounds": [0.005, 1, 2.5]} | point
    return request("wait", unit="s", histogram={"aggregation_temporality": temporality, "points": [fields]})
