"""Sending what waits: one pass over the sockets, each distinct frame encoded once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping

from live.push.fragments import Batch, merge
from live.push.sockets import Socket
from live.push.watched import Watched
from live.push.writers import Frame

BREATHE_EVERY = 500
"""Sockets after which reads and handshakes get their turn."""

Merged = dict[tuple[Batch, ...], Batch]
"""Sockets that await the same batches share one frame."""


async def flush(sockets: Iterable[Socket], watched: Mapping[str, Watched], counts: Counter, merged: Merged) -> None:
    """Write each socket's waiting batches as one frame. What was merged for one is kept in `merged` for the others."""
    for number, socket in enumerate(list(sockets), 1):
        if socket.has_mail and not socket.ended:
            _send(socket, watched, counts, merged)
        if number % BREATHE_EVERY == 0:
            await asyncio.sleep(0)


def _send(socket: Socket, watched: Mapping[str, Watched], counts: Counter, merged: Merged) -> None:
    if socket.is_stalled():
        counts["passed_over"] += 1
        counts["stalls"] += socket.ended
        return
    counts["conflated"] += socket.outbox.conflated
    batches = _afresh(socket, watched, counts) if socket.wants_snapshot else socket.outbox.take()
    batch = batches[0] if len(batches) == 1 else _together(batches, counts, merged)
    if not batch.frames:
        batch.frames = _encode(socket.view.format, batch)
        counts["encodes"] += 1
    for frame in batch.frames:
        socket.writer.write(frame)
    counts["frames"] += len(batch.frames)
    counts["fragments"] += len(batch.fragments)


def _afresh(socket: Socket, watched: Mapping[str, Watched], counts: Counter) -> tuple[Batch, ...]:
    counts["overflows"] += 1
    socket.wants_snapshot = False
    known = (watched[topic.name] for topic in socket.topics if topic.name in watched)
    return tuple(batch for one in known if (batch := one.snapshot(socket.view)))


def _together(batches: tuple[Batch, ...], counts: Counter, merged: Merged) -> Batch:
    if batches not in merged:
        merged[batches] = merge(batches)
        counts["merges"] += 1
    whole = merged[batches]
    counts["conflated"] += sum(len(batch.fragments) for batch in batches) - len(whole.fragments)
    return whole


def _encode(form: str, batch: Batch) -> list[Frame]:
    """HTML fragments travel in one frame; each JSON object is a message of its own."""
    texts = [text for fragment in batch.fragments for text in fragment.texts]
    return [Frame(text) for text in texts] if form == "json" else [Frame("".join(texts))]
