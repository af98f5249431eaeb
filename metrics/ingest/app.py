"""The ASGI app that takes samples, in front of Django: no redirect, no cookie, no session and no rule about hosts.

A sender that is redirected repeats its POST as a GET and loses the samples; one that is told 400 for a wrong host drops
them. So a request for one of our paths is answered here, whatever the settings of the pages say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from django.db import Error as DatabaseFailure

from live.clock import now_ms
from live.database import in_pool
from metrics.ingest.bodies import Gone, read_body
from metrics.ingest.decoding import Acceptance, BadSample, decode
from metrics.ingest.problems import Problem
from metrics.ingest.writer import Behind, Unfit, Writer
from metrics.series.readings import Reading
from metrics.series.retention import raw_retention_ms
from metrics.sources.tokens import TokenCache

PATHS = frozenset({"/api/samples", "/api/samples/"})
# A form's type is what `curl -d` sends when nobody thinks of a header.
TYPES = frozenset({"", "application/json", "text/json", "application/x-www-form-urlencoded"})
LONG = 64 * 1024
"""Bodies above this are decoded in a thread, since the loop that pushes to pages would stand still for them."""


class IngestApp:
    def __init__(self, app: ASGI3Application, writer: Writer, *, tokens: TokenCache | None = None) -> None:
        self._app = app
        self._writer = writer
        self._tokens = tokens or TokenCache()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        try:
            await self._take(scope, receive)
        except Gone:
            return
        except Problem as problem:
            await _refuse(send, problem)
        else:
            await _answer(send, 204, {})

    async def _take(self, scope: Any, receive: ASGIReceiveCallable) -> None:
        """Store what the request brings. Raises Problem and Gone."""
        headers = _headers(scope)
        if scope["method"] != "POST":
            raise Problem(405, f"{scope['method']}: expected POST", allow="POST")
        source = await self._source(headers)
        _check_type(headers)
        readings = await _decode(await read_body(receive, headers), source)
        if readings:
            await self._write(readings)

    async def _source(self, headers: Mapping[str, str]) -> int:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _stranger("expected Authorization: Bearer and a token of a source")
        try:
            source = await self._tokens.source_of(token.strip())
        except (DatabaseFailure, TimeoutError):
            raise _come_again("the database does not answer") from None
        if source is None:
            raise _stranger("this token is unknown or revoked")
        return source

    async def _write(self, readings: list[Reading]) -> None:
        try:
            await self._writer.write(readings)
        except Behind as behind:
            raise _come_again(str(behind)) from None
        except Unfit as unfit:
            raise Problem(400, f"body: {unfit}") from None


def _headers(scope: Any) -> dict[str, str]:
    """Names and values; a header that comes twice is joined by commas, so that it matches nothing that we know."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _check_type(headers: Mapping[str, str]) -> None:
    kind, _, parameters = headers.get("content-type", "").partition(";")
    if kind.strip().lower() not in TYPES:
        raise Problem(415, f"content-type: expected application/json, got {kind.strip()[:80]}")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip("\"' ").lower()
    if charset not in ("", "utf-8", "utf8"):
        raise Problem(415, f"content-type: expected charset utf-8, got {charset[:40]}")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "content-encoding: expected none", accept_encoding="identity")


async def _decode(body: bytes, source: int) -> list[Reading]:
    now = now_ms()
    acceptance = Acceptance(source, now, now - raw_retention_ms())
    try:
        return decode(body, acceptance) if len(body) < LONG else await in_pool(decode, body, acceptance)
    except BadSample as error:
        raise Problem(400, str(error)) from None
    except TimeoutError:
        raise _come_again("the server is busy") from None


def _stranger(message: str) -> Problem:
    return Problem(401, message, www_authenticate='Bearer realm="watchfloor"')


def _come_again(message: str) -> Problem:
    return Problem(503, f"{message}; nothing was stored, send it again", retry_after="1")


async def _refuse(send: ASGISendCallable, problem: Problem) -> None:
    body = json.dumps({"error": problem.message}).encode() + b"\n"
    headers = {"content-type": "application/json", "content-length": str(len(body))} | problem.headers
    await _answer(send, problem.status, headers, body)


async def _answer(send: Any, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
