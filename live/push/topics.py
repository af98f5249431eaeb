"""What a page can watch: topics, the regions they fill, and the pieces of a region.

A topic answers three questions: who may watch it (`audiences`), has it changed (`versions`), and what does it look
like now (`load`). The hub does the rest: it loads a topic once per process when it changes, compares the parts with
those that its sockets have, and renders only what differs, once per view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import QuerySet

from live.people import Audience

HUBS = "watchfloor.hubs"
"""The group of all hubs."""

if TYPE_CHECKING:
    from live.presence.roster import Roster


@dataclass(frozen=True, slots=True)
class View:
    """How a reader sees a topic. Two readers with the same view receive the same bytes."""

    language: str
    zone: str
    format: str = "html"


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a page: a fragment template and what it prints.

    `id` is the DOM id of the template's root element. `data` is given to the template as `name`; it is compared with
    `==` to learn whether the piece has changed, so it is a frozen dataclass of plain values, free of language, time
    zone and viewer. `event` is the same piece for programs, as a JSON object; None where programs do not need it.
    """

    id: str
    template: str
    name: str
    data: Any
    event: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A container on the page and its parts, in order.

    A changed part is morphed in place; when parts come, go or change places, the container is filled anew.
    An empty `target` means that the parts stand on their own and neither come nor go.
    """

    target: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """A container whose items are only added or changed, sorted by id: a room.

    `parts` are the newest items, `changed` those that are new or different since the state that `load` was given
    (oldest first; None when it cannot be told, so that the container is filled anew). `news` are the new ones in
    either case: programs are told of each, also where pages are filled anew.
    """

    target: str
    parts: tuple[Part, ...]
    changed: tuple[Part, ...] | None = None
    news: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What a topic looks like now.

    `version` equals what `Topic.versions` gives for it. `next_change_at` (epoch ms) says when it changes by the clock
    alone: a start, an expiry, a value that turns stale.
    """

    version: str
    regions: tuple[Region | Log, ...]
    next_change_at: int | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a topic may read besides the database. `now` is in epoch ms."""

    now: int
    roster: Roster


@dataclass(frozen=True)
class Topic:
    """Something that can be watched, named `kind.key`. Subclasses own the spelling of their key."""

    key: str

    kind: ClassVar[str]
    at_once: ClassVar[bool] = False
    """Whether a change goes out within 50 ms (a log) rather than with the next tick (a state)."""
    is_shown: ClassVar[bool] = True
    """Whether it has parts at all. One that only says that something happened is never loaded."""
    about_rights: ClassVar[bool] = False
    """Whether a change means that the rights of open sockets are to be read at once."""

    @property
    def containers(self) -> tuple[str, ...]:
        """What stands on pages of the topic alone, as selectors: emptied where somebody may not see it (any more)."""
        return ()

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.key}"

    @property
    def group(self) -> str:
        """The group of the channel layer that hears of it: its own, unless topics are many and changes rare."""
        return self.name

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        """Who may watch, by key, in a constant number of queries. A key that is missing is no topic."""
        raise NotImplementedError

    @classmethod
    def versions(cls, keys: Iterable[str]) -> QuerySet | None:
        """A query of (topic name, version), both text, in columns `topic` and `at_version`; None: not in the database.

        All topics' queries are joined by UNION ALL into the one query of the healing round.
        """
        return None

    def load(self, context: Context, known: State | None) -> State | None:
        """The present state, or None when the topic is gone. Runs in a pool thread, in a constant number of queries.

        `known` is the state that the hub's sockets have, which a log needs to tell what is new.
        """
        raise NotImplementedError


TOPICS: dict[str, type[Topic]] = {}

T = TypeVar("T", bound=type[Topic])


def register(topic: T) -> T:
    """Class decorator: make the kind known to hubs."""
    TOPICS[topic.kind] = topic
    return topic


def parse(name: str) -> Topic:
    """The topic with this name. Raises KeyError for an unknown kind."""
    kind, _, key = name.partition(".")
    return TOPICS[kind](key)
