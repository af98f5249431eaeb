"""The JSON form of OTLP, turned into protobuf: one decoder for both, since this one is rare and slow."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from metrics.ingest.calls import MIB
from metrics.ingest.json_bodies import parse
from metrics.ingest.naming import clipped
from metrics.ingest.problems import Problem, too_large
from metrics.ingest.wire import MOST
from metrics.sentences import placed
from metrics.sentences import sentence as _

LARGEST = MIB // 2
"""Bytes: JSON takes 15 times as long as protobuf."""
MOST_OBJECTS = MOST // 4


def from_json(body: bytes) -> bytes:
    """The request as protobuf. Raises Problem (400, 413)."""
    if len(body) > LARGEST:
        raise too_large(LARGEST, _("of JSON"))
    if body.count(b"{") > MOST_OBJECTS:
        fault = _("expected at most %(most)d objects; send them in several requests", most=MOST_OBJECTS)
        raise Problem(413, placed("body", fault))
    document = parse(body, _("metrics"), object_hook=_without_exemplars)
    if not isinstance(document, dict):
        raise Problem(400, placed("body", _("expected an object with resourceMetrics")))
    try:
        return ParseDict(document, ExportMetricsServiceRequest(), ignore_unknown_fields=True).SerializeToString()
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        fault = _(
            "expected %(message)s, %(fault)s", message="an ExportMetricsServiceRequest", fault=clipped(str(error), 200)
        )
        raise Problem(400, placed("body", fault)) from None


def to_json(message: Message) -> bytes:
    return MessageToJson(message, indent=None).encode()


def _without_exemplars(found: dict[str, Any]) -> dict[str, Any]:
    # Their ids are hexadecimal here, and protobuf's JSON takes such text for base64.
    found.pop("exemplars", None)
    return found
