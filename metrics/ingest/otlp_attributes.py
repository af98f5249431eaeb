"""OpenTelemetry attributes as labels."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from metrics.ingest.known import LARGEST_LABEL
from metrics.ingest.naming import BadLabels, clipped
from metrics.ingest.wire import Walk, tag
from metrics.sentences import placed
from metrics.sentences import sentence as _

ATTRIBUTES = tag(1)
RESOURCE = {"service.name": "job", "service.instance.id": "instance", "host.name": "host"}
"""The attributes of a resource that become labels, by the names that Prometheus gave them."""


def labels_of(attributes: Sequence[bytes], place: str) -> dict[str, str]:
    """Text by name. Raises BadLabels for a name that comes twice or a long text, and DecodeError."""
    labels: dict[str, str] = {}
    for piece in attributes:
        if len(piece) > LARGEST_LABEL:
            fault = _("expected attributes of at most %(most)d bytes, got %(n)d", most=LARGEST_LABEL, n=len(piece))
            raise BadLabels(placed(place, fault))
        attribute = KeyValue.FromString(piece)
        if attribute.key in labels:
            raise BadLabels(placed(f"{place}.{clipped(attribute.key)}", _("the name comes twice")))
        labels[attribute.key] = text_of(attribute.value)
    return labels


def resource_labels(resource: bytes, walk: Walk) -> dict[str, str]:
    """job, instance and host, as far as the resource tells. Raises DecodeError and what walking raises."""
    pieces = walk.fields(resource)[ATTRIBUTES]
    # What is larger is none of these three, such as the command line of a process.
    attributes = [KeyValue.FromString(piece) for piece in pieces if len(piece) <= LARGEST_LABEL]
    return {RESOURCE[each.key]: text_of(each.value) for each in attributes if each.key in RESOURCE}


def text_of(value: AnyValue) -> str:
    """A text as it is, true and false, numbers in full, bytes as base64, and what is nested as JSON.

    No value is an empty text, which counts as no label.
    """
    plain = _plain(value)
    if isinstance(plain, str):
        return plain
    return "" if plain is None else json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: AnyValue) -> Any:
    """What JSON can hold. protobuf lets nothing in that is nested deeper than 100."""
    match value.WhichOneof("value"):
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {item.key: _plain(item.value) for item in value.kvlist_value.values}
        case None:
            return None
        case kind:
            return getattr(value, kind)
