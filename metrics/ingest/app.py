"""The ASGI app that takes samples, in front of Django: no redirect, no cookie, no session and no rule about hosts.

A sender that is redirected repeats its POST as a GET and loses the samples; one that is told 400 for a wrong host drops
them. So a request for one of our paths is answered here, whatever the settings of the pages say.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from django.conf import settings
from django.db import Error as DatabaseFailure

from live.clock import now_ms
from metrics.ingest.bodies import LONGEST_S, Gone, Shelf, in_lines, read_chunks, whole
from metrics.ingest.calls import NOBODY, Answer, Call, Endpoint, Outcome, Sender, Taken
from metrics.ingest.credentials import token_of, without_secrets
from metrics.ingest.decoding import Decoder
from metrics.ingest.endpoints import ENDPOINTS
from metrics.ingest.figures import note_call
from metrics.ingest.losses import note_losses, note_problem
from metrics.ingest.pace import Pace
from metrics.ingest.problems import Problem, come_again, stranger
from metrics.ingest.requests import headers_of, is_secure, path_of, query_of
from metrics.ingest.unpacking import GZIP, Gunzip
from metrics.ingest.writer import Behind, Unfit, Writer
from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.horizons import raw_retention_ms
from metrics.series.sightings import skews
from metrics.sources.tokens import TokenCache

logger = logging.getLogger(__name__)

LONGEST_BY_LINE_S = 60.0
ANONYMOUS = 64 * 1024
"""The longest body that is read of somebody who showed no token."""


class IngestApp:
    def __init__(
        self,
        app: ASGI3Application,
        writer: Writer,
        *,
        tokens: TokenCache | None = None,
        endpoints: Sequence[Endpoint] = ENDPOINTS,
    ) -> None:
        self._app = app
        self._writer = writer
        self._tokens = tokens or TokenCache()
        self._endpoints = endpoints
        self._decoder = Decoder()
        self._shelf = Shelf()
        self._pace = Pace()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        found = self._at(path_of(scope)) if scope["type"] == "http" else []
        if not found:
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(found, scope, receive)
        except Gone:
            return
        note_call(found[0].name, answer.status)
        await _send(send, answer)

    def _at(self, path: str) -> list[Endpoint]:
        return [endpoint for endpoint in self._endpoints if endpoint.paths.fullmatch(path)]

    async def _answer(self, found: Sequence[Endpoint], scope: Any, receive: ASGIReceiveCallable) -> Answer:
        headers, endpoint = headers_of(scope), found[0]
        try:
            endpoint = _with_method(found, scope["method"])
            if settings.HTTPS and not is_secure(scope, headers):
                raise Problem(403, "expected https: samples that are sent in the clear give their token away")
            return await self._let_in(endpoint, scope, headers, receive)
        except Problem as problem:
            return endpoint.refuse(problem, headers)

    async def _let_in(
        self, endpoint: Endpoint, scope: Any, headers: Mapping[str, str], receive: ASGIReceiveCallable
    ) -> Answer:
        query = query_of(scope)
        sender = await self._sender(endpoint, headers, query)
        if refusal := self._pace.refusal(sender):
            raise come_again(refusal)
        now = now_ms()
        path, said = path_of(scope), without_secrets(query)
        call = Call(scope["method"], path, said, headers, b"", sender, now, now - raw_retention_ms())
        try:
            taken, outcome = await self._take(endpoint, call, receive)
        except Problem as problem:
            note_problem(sender, problem)
            raise
        return _answered(endpoint, taken, outcome)

    async def _sender(self, endpoint: Endpoint, headers: Mapping[str, str], query: Mapping[str, str]) -> Sender:
        if endpoint.without_token:
            return NOBODY
        token = token_of(headers, query, query_token=endpoint.query_token)
        if not token:
            raise stranger("expected Authorization: Bearer and a token of a source")
        try:
            sender = await self._tokens.sender_of(token)
        except (DatabaseFailure, TimeoutError):
            raise come_again("the database does not answer, nothing was stored") from None
        if sender is None:
            raise stranger("this token is unknown or revoked")
        return sender

    async def _take(self, endpoint: Endpoint, call: Call, receive: ASGIReceiveCallable) -> tuple[Taken, Outcome]:
        """Take and store what the request brings. Raises Problem and Gone."""
        gzipped = _is_gzipped(endpoint, call.headers)
        endpoint = _bounded(endpoint)
        longest_s = LONGEST_BY_LINE_S if endpoint.by_line else LONGEST_S
        chunks = read_chunks(receive, call.headers, endpoint.largest, longest_s=longest_s)
        if endpoint.by_line:
            return await self._take_lines(endpoint, call, chunks, gzipped)
        with self._shelf.place() as put:
            call = replace(call, body=await whole(chunks, put))
            taken = await self._decoder.take(endpoint, call, gzipped=gzipped)
        return taken, await self._store(call, taken)

    async def _take_lines(
        self, endpoint: Endpoint, call: Call, chunks: AsyncIterator[bytes], gzipped: bool
    ) -> tuple[Taken, Outcome]:
        """Piece by piece. What was stored of a body whose end is bad stays: its sender is told to send less."""
        unpack = Gunzip(endpoint.unpacked)
        feed: Callable[[bytes], Iterable[bytes]] = unpack.feed if gzipped else _as_it_is
        whole, outcome, line = Taken(), Outcome(), call.line
        async for piece in in_lines(chunks, feed):
            taken = await self._decoder.take(endpoint, replace(call, body=piece, line=line))
            outcome += await self._store(call, taken)
            whole.rejected += taken.rejected
            whole.error = whole.error or taken.error
            line += piece.count(b"\n")
        unpack.finish()
        return whole, outcome

    async def _store(self, call: Call, taken: Taken) -> Outcome:
        # What has no time of its own was given that of its receipt.
        timed = max((reading.ts for reading in taken.readings if reading.ts != call.now), default=None)
        if timed is not None:
            skews.note(call.sender.id, call.now, timed)
        outcome = await self._write(taken) if taken.readings or taken.ended else Outcome()
        self._pace.spend(call.sender, len(taken.readings))
        note_losses(call.sender, taken, outcome)
        return outcome

    async def _write(self, taken: Taken) -> Outcome:
        try:
            return await self._writer.write(taken)
        except Behind as behind:
            raise come_again(str(behind)) from None
        except Unfit as unfit:
            raise Problem(400, placed("body", str(unfit))) from None


def _with_method(found: Sequence[Endpoint], method: str) -> Endpoint:
    for endpoint in found:
        if method in endpoint.methods:
            return endpoint
    allowed = sorted({method for endpoint in found for method in endpoint.methods})
    raise Problem(405, f"{method}: expected {' or '.join(allowed)}", allow=", ".join(allowed))


def _is_gzipped(endpoint: Endpoint, headers: Mapping[str, str]) -> bool:
    encoding = headers.get("content-encoding", "").lower() or "identity"
    encoding = "gzip" if encoding in GZIP else encoding
    if encoding not in endpoint.encodings:
        expected = " or ".join(endpoint.encodings)
        fault = placed("content-encoding", _("expected %(what)s", what=expected))
        raise Problem(415, fault, accept_encoding=", ".join(endpoint.encodings))
    return encoding == "gzip"


def _bounded(endpoint: Endpoint) -> Endpoint:
    """The endpoint with the sizes that the settings leave of its own."""
    most = settings.LIMITS["ingest_body"] or endpoint.unpacked
    if endpoint.without_token:
        most = ANONYMOUS
    return replace(endpoint, largest=min(endpoint.largest, most), unpacked=min(endpoint.unpacked, most))


def _as_it_is(chunk: bytes) -> tuple[bytes]:
    return (chunk,)


def _answered(endpoint: Endpoint, taken: Taken, outcome: Outcome) -> Answer:
    try:
        return endpoint.answer(taken, outcome)
    except Exception:
        # Everything is stored by now, so that the sender must not send it again.
        logger.exception("%s: the answer could not be made, which is a fault of ours", endpoint.name)
        return Answer(204)


async def _send(send: Any, answer: Answer) -> None:
    headers = dict(answer.headers)
    if answer.status != 204:
        headers |= {"content-length": str(len(answer.body))}
    pairs = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body})
