"""Letting sockets in. Those that come while the database is being asked are asked about together, next time.

So a thousand that come at once cost a few dozen queries instead of thousands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from live.database import in_pool
from live.people import Person
from live.push.identity import Identity, identify_all
from live.push.rights import read_audiences
from live.push.sockets import Ending
from live.push.topics import Topic, parse

GATHER_S = 0.05
"""Nobody notices so short a wait, and all who come within it are looked up together."""
ROUNDS = 5
"""Such waits while more come. To ask in the middle of a storm costs a tenth more: loop and thread take turns."""
AT_ONCE = 1000
NOBODY = Identity()


class NoSuchPage(Exception):
    """The path names nothing that exists."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody at the door. `topics` reads what the page shows (its own topic first) and raises NoSuchPage; claims
    with the same `page` show the same."""

    scope: dict[str, Any]
    page: Hashable
    topics: Callable[[], list[Topic]]


@dataclass(frozen=True, slots=True)
class Admission:
    """Who it is and what they may watch here, or why they may not come in. `denied` is what else the page shows."""

    identity: Identity = NOBODY
    topics: Sequence[Topic] = ()
    denied: Sequence[Topic] = ()
    refusal: Ending | None = None


class Reception:
    def __init__(self) -> None:
        self._waiting: list[tuple[Claim, asyncio.Future[Admission]]] = []
        self._asking: asyncio.Task[None] | None = None
        self._is_closed = False

    async def close(self) -> None:
        """Tell all who wait, and all who come from now on, to come back later."""
        self._is_closed = True
        if self._asking is not None:
            await asyncio.wait([self._asking])

    async def admit(self, claim: Claim) -> Admission:
        """Raises what the database raises, and TimeoutError."""
        answer: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
        self._waiting.append((claim, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask())
        return await answer

    async def _ask(self) -> None:
        while self._waiting:
            await self._gather()
            group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            try:
                admissions = await self._answers([claim for claim, _answer in group])
            except Exception as error:
                _settle(group, lambda answer, _none, error=error: answer.set_exception(error), [None] * len(group))
            else:
                _settle(group, lambda answer, admission: answer.set_result(admission), admissions)

    async def _answers(self, claims: Sequence[Claim]) -> list[Admission]:
        admissions = [] if self._is_closed else await in_pool(admit_all, claims)
        # It may have closed meanwhile.
        return [Admission(refusal="restart")] * len(claims) if self._is_closed else admissions

    async def _gather(self) -> None:
        """Until nobody more has come for one wait."""
        for _ in range(ROUNDS):
            came = len(self._waiting)
            await asyncio.sleep(GATHER_S)
            if came == len(self._waiting) or came >= AT_ONCE:
                return


def admit_all(claims: Sequence[Claim]) -> list[Admission]:
    """A constant number of queries for each distinct page and kind of topic, whatever the number of claims."""
    identities = identify_all(claim.scope for claim in claims)
    pages = _pages(claims)
    frames = {identity.person: frame_topics(identity.person) for identity in identities if identity}
    wanted = {topic.name for topics in (*pages.values(), *frames.values()) for topic in topics or ()}
    audiences = read_audiences(wanted)
    return [
        _admission(identity, pages[claim.page], frames, audiences)
        for claim, identity in zip(claims, identities, strict=True)
    ]


def frame_topics(person: Person) -> list[Topic]:
    """What every page shows around its own content."""
    own = [] if person.is_guest else [f"user.{person.id}"]
    return [parse(name) for name in ("announcements.all", "online.all", *own)]


def _pages(claims: Iterable[Claim]) -> dict[Hashable, list[Topic] | None]:
    """The topics of each page; None where there is no such page."""
    pages: dict[Hashable, list[Topic] | None] = {}
    for claim in claims:
        if claim.page not in pages:
            try:
                pages[claim.page] = claim.topics()
            except NoSuchPage:
                pages[claim.page] = None
    return pages


def _admission(identity: Identity | None, own: list[Topic] | None, frames: dict, audiences: dict) -> Admission:
    if identity is None:
        return Admission(refusal="signed_out")
    if own is None or own[0].name not in audiences:
        return Admission(identity, refusal="gone")
    person = identity.person
    wanted = own + [topic for topic in frames[person] if topic not in own]
    topics = [one for one in wanted if one.name in audiences and audiences[one.name].admits(person)]
    if own[0] not in topics:
        return Admission(identity, refusal="signed_out" if person.is_guest else "not_allowed")
    return Admission(identity, topics, [one for one in own if one not in topics])


def _settle(group: list, tell: Callable, values: Sequence) -> None:
    for (_claim, answer), value in zip(group, values, strict=True):
        if not answer.done():  # Who gave up waiting has cancelled it.
            tell(answer, value)
