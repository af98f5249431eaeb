"""Who is here: each process owns the list of its own open sockets and keeps a copy of every other process's list.

Nothing here knows the network. `peers.py` carries the changes; a copy that went wrong is found by its digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Seat:
    """One open socket: `page` is `kind.key` ("chat.general"), `device` the browser's random id ("" for programs)."""

    id: str
    person: int | None
    name: str
    page: str
    device: str = ""

    @property
    def kind(self) -> str:
        return self.page.partition(".")[0]

    @property
    def is_screen(self) -> bool:
        return self.kind == "screen"


@dataclass(frozen=True, slots=True)
class Here:
    """A person who is here: the kinds of page that are open ("board", "chat") and in how many tabs.

    Only kinds: a page's name may belong to another audience than the reader's.
    """

    id: int
    name: str
    pages: tuple[str, ...]
    tabs: int


@dataclass(frozen=True, slots=True)
class Presence:
    """The count that the pages show. `exact` is False while the processes cannot hear each other."""

    people: tuple[Here, ...] = ()
    tabs: int = 0
    guests: int = 0
    screens: int = 0
    exact: bool = True

    @property
    def people_count(self) -> int:
        return len(self.people)


class Roster:
    def __init__(self, process: str) -> None:
        self.process = process
        self.exact = True
        self._seats: dict[str, dict[str, Seat]] = {process: {}}

    def sit(self, seat: Seat) -> None:
        self._seats[self.process][seat.id] = seat

    def rise(self, seat: Seat) -> None:
        self._seats[self.process].pop(seat.id, None)

    def own(self) -> list[Seat]:
        return list(self._seats[self.process].values())

    def digest(self, process: str) -> str:
        """Equal for equal lists, whatever the order in which the seats were taken."""
        ids = "\n".join(sorted(self._seats.get(process, ())))
        return blake2b(ids.encode(), digest_size=8).hexdigest()

    def replace(self, process: str, seats: Iterable[Seat]) -> None:
        self._seats[process] = {seat.id: seat for seat in seats}

    def change(self, process: str, came: Iterable[Seat], left: Iterable[str]) -> None:
        seats = self._seats.setdefault(process, {})
        seats.update((seat.id, seat) for seat in came)
        for seat_id in left:
            seats.pop(seat_id, None)

    def forget(self, process: str) -> None:
        self._seats.pop(process, None)

    def seats(self) -> Iterator[Seat]:
        # Copies: pool threads read while the loop writes.
        for seats in list(self._seats.values()):
            yield from list(seats.values())

    def in_rooms(self) -> set[tuple[str, int]]:
        """(room, person) for every signed-in person with a room open."""
        return {
            (seat.page.removeprefix("chat."), seat.person)
            for seat in self.seats()
            if seat.person is not None and seat.page.startswith("chat.")
        }

    def presence(self) -> Presence:
        seats = list(self.seats())
        screens = sum(seat.is_screen for seat in seats)
        guests = {seat.device or seat.id for seat in seats if seat.person is None and not seat.is_screen}
        return Presence(_people(seats), len(seats) - screens, len(guests), screens, self.exact)


def _people(seats: Iterable[Seat]) -> tuple[Here, ...]:
    by_person: dict[int, list[Seat]] = {}
    for seat in seats:
        if seat.person is not None and not seat.is_screen:
            by_person.setdefault(seat.person, []).append(seat)
    here = (
        Here(person, own[0].name, tuple(sorted({seat.kind for seat in own})), len(own))
        for person, own in by_person.items()
    )
    return tuple(sorted(here, key=lambda one: (one.name.casefold(), one.id)))
