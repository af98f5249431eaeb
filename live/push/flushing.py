"""Sending what waits: one pass over the sockets, each distinct frame encoded once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping

from live.push.fragments import Fragment
from live.push.sockets import Socket
from live.push.watched import Watched
from live.push.writers import Frame

BREATHE_EVERY = 500
"""Sockets after which reads and handshakes get their turn."""


async def flush(sockets: Iterable[Socket], watched: Mapping[str, Watched], counts: Counter) -> None:
    """Write each socket's waiting fragments as one frame. Sockets that await the same fragments share the frame."""
    frames: dict[tuple[str, tuple[Fragment, ...]], list[Frame]] = {}
    for number, socket in enumerate(list(sockets), 1):
        if socket.has_mail and not socket.ended:
            _send(socket, watched, frames, counts)
        if number % BREATHE_EVERY == 0:
            await asyncio.sleep(0)


def _send(socket: Socket, watched: Mapping[str, Watched], frames: dict, counts: Counter) -> None:
    if socket.is_stalled():
        counts["passed_over"] += 1
        counts["stalls"] += socket.ended
        return
    if socket.wants_snapshot:
        _start_afresh(socket, watched, counts)
    counts["conflated"] += socket.outbox.conflated
    items = socket.outbox.take()
    key = (socket.view.format, items)
    if key not in frames:
        frames[key] = _encode(socket.view.format, items)
        counts["encodes"] += 1
    socket.write(frames[key])
    counts["frames"] += len(frames[key])
    counts["fragments"] += len(items)


def _start_afresh(socket: Socket, watched: Mapping[str, Watched], counts: Counter) -> None:
    counts["overflows"] += 1
    socket.wants_snapshot = False
    for topic in socket.topics:
        if (one := watched.get(topic.name)) is not None:
            socket.put(one.snapshot(socket.view))


def _encode(form: str, items: tuple[Fragment, ...]) -> list[Frame]:
    """HTML fragments travel in one frame; each JSON object is a message of its own."""
    texts = [text for item in items for text in item.texts]
    return [Frame(text) for text in texts] if form == "json" else [Frame("".join(texts))]
