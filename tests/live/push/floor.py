"""A hub without a server: a topic whose state a test sets, and sockets that keep what they are sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from live.people import Access, Audience
from live.presence.roster import Seat
from live.push.hub import Hub
from live.push.identity import Identity
from live.push.sockets import Ending, Socket
from live.push.topics import TOPICS, Context, Part, Region, State, Topic, View
from live.push.writers import Frame

ENGLISH, RUSSIAN = View("en", "UTC"), View("ru", "UTC")


@dataclass(frozen=True, slots=True)
class Named:
    id: int
    name: str


@dataclass(frozen=True)
class Shelf(Topic):
    """Shows the names that a test puts on it."""

    kind: ClassVar[str] = "shelf"
    names: ClassVar[dict[int, str]] = {}
    version: ClassVar[int] = 0
    loads: ClassVar[int] = 0

    @classmethod
    def put(cls, names: dict[int, str]) -> None:
        cls.names, cls.version = names, cls.version + 1

    @classmethod
    def audiences(cls, keys):
        return {key: Audience(Access.PUBLIC) for key in keys}

    def load(self, context: Context, known: State | None) -> State:
        type(self).loads += 1
        parts = (
            Part(f"name-{n}", "live/_online_name.html", "here", Named(n, name), {"type": "name", "name": name})
            for n, name in self.names.items()
        )
        return State(str(self.version), (Region("#shelf", tuple(parts)),))


TOPICS[Shelf.kind] = Shelf


@dataclass
class Peer:
    """The far end of a socket."""

    received: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    full: bool = False
    aborted: bool = False
    ended: Ending | None = None

    def write(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.received.append(frame.text)

    def is_full(self) -> bool:
        return self.full

    def abort(self) -> None:
        self.aborted = True

    def end(self, why: Ending) -> None:
        self.ended = why

    def clear(self) -> None:
        self.frames.clear()
        self.received.clear()


def open_socket(peer: Peer, view: View = ENGLISH, number: int = 1) -> Socket:
    seat = Seat(f"seat{number}", None, "", "board.main", f"device{number}")
    return Socket(identity=Identity(), address="", view=view, seat=seat, writer=peer, end=peer.end)


async def visit(hub: Hub, *peers: Peer, view: View = ENGLISH) -> list[Socket]:
    """Each peer opens a page that shows the shelf."""
    sockets = [open_socket(peer, view, number) for number, peer in enumerate(peers)]
    for socket in sockets:
        await hub.enter(socket, [Shelf("all")])
    return sockets
