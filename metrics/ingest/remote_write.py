"""Prometheus remote_write, versions 1 and 2: a snappy block of one protobuf message.

Sources: https://prometheus.io/docs/specs/prw/remote_write_spec/ and .../remote_write_spec_2_0/. What can never be
stored is answered with 400 after the rest is stored, since senders drop it then; they keep what gets a 503.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import cramjam

from metrics.ingest import remote_write_v1, remote_write_v2, unpacking
from metrics.ingest.calls import MIB, Answer, Call, Endpoint, Outcome, Taken, refused_in_json
from metrics.ingest.naming import clipped
from metrics.ingest.problems import Problem, too_large
from metrics.ingest.remote_write_intake import has_faults
from metrics.ingest.wire import Malformed, TooMuch
from metrics.sentences import Sentence, placed
from metrics.sentences import sentence as _

UNPACKED = 8 * MIB
"""vmagent's largest block; Prometheus sends 0.3 MiB."""
V1, V2 = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
VERSIONS: Mapping[str, Callable[[bytes, Call], Taken]] = {V1: remote_write_v1.take, V2: remote_write_v2.take}
PROTO = re.compile(r';\s*proto\s*=\s*"?([^;"\s]*)"?', re.IGNORECASE)


def take(call: Call) -> Taken:
    """The readings of a request. Raises Problem (400, 413, 415)."""
    take_version = VERSIONS[_version(call.headers)]
    try:
        return take_version(_unpack(call), call)
    except Malformed as error:
        fault = _("expected %(message)s, %(fault)s", message="a protobuf message", fault=error.sentence)
        raise Problem(400, placed("body", fault)) from None
    except TooMuch as error:
        raise Problem(413, placed("body", error.sentence)) from None


def answer(taken: Taken, outcome: Outcome) -> Answer:
    """A sender of version 2 counts what these headers do not mention as failed."""
    headers = _written(outcome.new + outcome.duplicates + len(taken.ended))
    if not has_faults(taken.rejected):
        return Answer(204, headers=headers)
    rejected = sum(taken.rejected.values())
    body = json.dumps({"error": f"{taken.error}; {rejected} rejected, all others are stored"}).encode() + b"\n"
    return Answer(400, body, headers | {"content-type": "application/json"})


def refuse(problem: Problem, headers: Mapping[str, str]) -> Answer:
    """As JSON, which is for people, and with the headers that say that nothing was written."""
    answer = refused_in_json(problem, headers)
    return replace(answer, headers={**answer.headers, **_written(0)})


def _version(headers: Mapping[str, str]) -> str:
    kind, semicolon, parameters = headers.get("content-type", "").partition(";")
    # Without a type it is version 1: senders older than the specification set none.
    if kind.strip().lower() not in ("", "application/x-protobuf"):
        raise Problem(415, _expected("content-type", "application/x-protobuf", kind.strip()))
    found = PROTO.search(semicolon + parameters)
    version = found[1] if found else V1
    if version not in VERSIONS:
        raise Problem(415, _expected("content-type", f"proto={V1} or proto={V2}", version))
    return version


def _unpack(call: Call) -> bytes:
    encoding = call.headers.get("content-encoding", "snappy").strip().lower()
    # A sender that tries zstd first takes the 415 as a hint.
    if encoding != "snappy":
        raise Problem(415, _expected("content-encoding", "snappy", encoding), accept_encoding="snappy")
    try:
        if cramjam.snappy.decompress_raw_len(call.body) > UNPACKED:
            raise too_large(UNPACKED, unpacking.UNPACKED)
        return bytes(cramjam.snappy.decompress_raw(call.body))
    except cramjam.DecompressionError:
        raise Problem(400, placed("body", _("expected a snappy block (not the framed format)"))) from None


def _expected(place: str, what: str, got: str) -> Sentence:
    return placed(place, _("expected %(what)s, got %(got)s", what=what, got=clipped(got)))


def _written(samples: int) -> dict[str, str]:
    return {
        "x-prometheus-remote-write-samples-written": str(samples),
        "x-prometheus-remote-write-histograms-written": "0",
        "x-prometheus-remote-write-exemplars-written": "0",
    }


ENDPOINTS = (
    Endpoint(
        name="remote_write",
        paths=re.compile(r"/api/v1/write/?"),
        methods=("POST",),
        take=take,
        answer=answer,
        refuse=refuse,
        # Snappy makes noise a sixth longer, and the limit is one on what is inside.
        largest=10 * MIB,
        unpacked=UNPACKED,
        encodings=("snappy", "identity"),
    ),
)
