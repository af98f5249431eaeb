"""Making open sockets obey: who lost a right loses what it showed, within 5 s."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from live.database import in_pool
from live.push.rights import Rights, read_rights
from live.push.sockets import Socket
from live.push.topics import Topic
from live.push.watched import Watched

REVIEW_S = 4.0


class Guard:
    """Reviews every socket every 4 s, and at once when `hurry` says that somebody's rights changed.

    `take_off` ends a socket's watching of a topic, `give_back` begins it again.
    """

    def __init__(
        self,
        sockets: set[Socket],
        watched: Mapping[str, Watched],
        *,
        take_off: Callable[[Socket, Topic], None],
        give_back: Callable[[Socket, Topic], Awaitable[None]],
    ) -> None:
        self._sockets = sockets
        self._watched = watched
        self._take_off = take_off
        self._give_back = give_back
        self._wanted = asyncio.Event()

    def hurry(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REVIEW_S):
                    await self._wanted.wait()
            self._wanted.clear()
            await self.review()

    async def review(self) -> None:
        """One reading of the database for all sockets, then each by itself without waiting."""
        sockets = list(self._sockets)
        lost = {topic.name for socket in sockets for topic in socket.lost}
        rights = await in_pool(read_rights, {socket.identity for socket in sockets}, lost.union(self._watched))
        for socket in sockets:
            self._apply(rights, socket)
        for socket in sockets:
            await self._restore(rights, socket)

    def _apply(self, rights: Rights, socket: Socket) -> None:
        identity = rights.renewed(socket.identity)
        if identity is None:
            socket.end("signed_out")
            return
        socket.identity = identity
        lost = [topic for topic in socket.topics if not rights.admits(topic, identity.person)]
        if socket.topics and socket.topics[0] in lost:
            socket.end("not_allowed" if socket.topics[0].name in rights.audiences else "gone")
            return
        for topic in lost:
            self._take_off(socket, topic)
            socket.lose(topic)

    async def _restore(self, rights: Rights, socket: Socket) -> None:
        """What was taken off for a right that has come back is shown again."""
        for topic in [topic for topic in socket.lost if rights.admits(topic, socket.person)]:
            socket.lost.remove(topic)
            if socket in self._sockets and not socket.ended:
                await self._give_back(socket, topic)
