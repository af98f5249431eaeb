"""OpenTelemetry's OTLP/HTTP for metrics, as protobuf or JSON.

Names are kept as they are sent, dots included. Attributes of a point become labels; of its resource, service.name
becomes `job`, service.instance.id `instance` and host.name `host`, where the point has no such attribute itself. The
scope is ignored. A histogram becomes counters: `_bucket` by `le`, `_count` and `_sum`, as in Prometheus; of an
exponential histogram only the last two are kept. A summary becomes one series by `quantile`, `_count` and `_sum`.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from metrics.ingest.calls import Answer, Call, Endpoint, Outcome, Reason, Taken
from metrics.ingest.messages import Status
from metrics.ingest.naming import clipped
from metrics.ingest.otlp_json import from_json, to_json
from metrics.ingest.otlp_request import Request
from metrics.ingest.problems import Problem
from metrics.ingest.wire import Malformed, TooMuch
from metrics.sentences import placed, words
from metrics.sentences import sentence as _

PROTOBUF, JSON = "application/x-protobuf", "application/json"
CODES = {401: 16, 403: 7, 405: 12, 408: 4, 503: 14}
"""Codes of google.rpc.Status by those of HTTP."""
INVALID_ARGUMENT = 3


@dataclass(slots=True)
class Export(Taken):
    """`media` is the type of the request, in which it is answered."""

    media: str = PROTOBUF


def take(call: Call) -> Taken:
    """The readings of a request. Raises Problem (400, 413, 415)."""
    media = _media(call.headers)
    if media not in (PROTOBUF, JSON):
        fault = _("expected %(what)s, got %(got)s", what=f"{PROTOBUF} or {JSON}", got=clipped(media) or _("none"))
        raise Problem(415, placed("content-type", fault))
    taken = _read(call, from_json(call.body) if media == JSON else call.body)
    return Export(taken.readings, taken.ended, taken.rejected, taken.error, media)


def answer(taken: Taken, outcome: Outcome) -> Answer:
    """200, with what could not be stored as a partial success."""
    media = taken.media if isinstance(taken, Export) else PROTOBUF
    response = ExportMetricsServiceResponse()
    if rejected := sum(taken.rejected.values()) + outcome.refused:
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = taken.error or _refused(outcome)
    return Answer(200, _rendered(response, media), {"content-type": media})


def refuse(problem: Problem, headers: Mapping[str, str]) -> Answer:
    """A google.rpc.Status in the type of the request, or as JSON where that is neither of the two."""
    media = PROTOBUF if _media(headers) == PROTOBUF else JSON
    status = Status(code=CODES.get(problem.status, INVALID_ARGUMENT), message=problem.message)
    return Answer(problem.status, _rendered(status, media), {"content-type": media} | problem.headers)


def _media(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _read(call: Call, body: bytes) -> Taken:
    request = Request(call)
    try:
        return request.read(body)
    except (Malformed, DecodeError) as error:
        fault = _("expected %(message)s, %(fault)s", message="an ExportMetricsServiceRequest", fault=words(error))
        raise Problem(400, placed(request.place, fault)) from None
    except UnicodeDecodeError:
        raise Problem(400, placed(request.place, _("expected UTF-8"))) from None
    except TooMuch as error:
        raise Problem(413, placed(request.place, error.sentence)) from None


def _refused(outcome: Outcome) -> str:
    example = f" such as {clipped(outcome.example.metric)}" if outcome.example else ""
    return f"new series{example} are refused, since the source has as many as it may ({Reason.SERIES_LIMIT})"


def _rendered(message: Status | ExportMetricsServiceResponse, media: str) -> bytes:
    return to_json(message) if media == JSON else message.SerializeToString()


ENDPOINTS = (
    Endpoint(
        name="otlp", paths=re.compile(r"/v1/metrics/?"), methods=("POST",), take=take, answer=answer, refuse=refuse
    ),
)
