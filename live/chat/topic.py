"""A room as pages watch it: its newest lines, and what has changed since a page last looked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from live.chat.models import Message, Room
from live.people import Audience
from live.push.topics import Context, Log, Part, State, Topic, register

PAGE = 50
"""Lines of a room's page, and of each older page."""
BURST = 500
"""New lines that are sent one by one; after more, open pages are filled anew."""
REFILL = 150
"""An open page is filled anew when seq passes a multiple of this, so that it never grows beyond 200 lines.

Filling anew, rather than dropping single lines at the old end, keeps the link to earlier lines right: it says where
the page begins, and reading on from there never leaves a hole.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a room. `at`, `day_before`: its time and that of the line before it (None: it is the first)."""

    room: str
    seq: int
    kind: str
    author_id: int | None
    author: str
    body: str
    at: datetime
    follows: bool
    day_before: datetime | None
    retracted: bool
    retracted_by: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The way to the lines before `before`, at the top of a log that does not begin with the first."""

    room: str
    before: int


@register
class RoomTopic(Topic):
    """Its key is the room's slug."""

    kind = "room"
    at_once = True

    @property
    def containers(self) -> tuple[str, ...]:
        return (f"#room-{self.key}-log",)

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return Room.objects.filter(slug__in=keys).audiences()

    @classmethod
    def versions(cls, keys: Iterable[str]) -> QuerySet:
        name = Concat(Value("room."), F("slug"), output_field=TextField())
        rooms = Room.objects.filter(slug__in=keys)
        return rooms.annotate(topic=name, at_version=Cast("version", TextField()))

    def load(self, context: Context, known: State | None) -> State | None:
        # The room is read first: lines that are committed after it are sent once more, which changes nothing.
        room = Room.objects.filter(slug=self.key).first()
        if room is None:
            return None
        shown = _shown(known, room)
        count = PAGE if shown is None else min(max(PAGE, room.last_seq - shown), BURST)
        # Not those that are committed from now on: they would take the place of the oldest.
        rows = room.messages.newest(count, before=room.last_seq + 1)
        changed = _changed(room, rows, shown, known)
        parts = log_parts(room, rows[-PAGE:])
        return State(str(room.version), (Log(f"#room-{room.slug}-log", parts, changed, _news(room, rows, shown)),))


def log_parts(room: Room, rows: Sequence[Message]) -> tuple[Part, ...]:
    """The lines, led by the way to earlier ones where there are any."""
    lines = tuple(line_part(room, row) for row in rows)
    return (_earlier_part(room.slug, rows[0].seq), *lines) if rows and rows[0].seq > 1 else lines


def line_part(room: Room, message: Message) -> Part:
    line = _line(room, message)
    return Part(f"message-{room.slug}-{line.seq}", "live/_message.html", "line", line, _event(line))


def _earlier_part(room: str, before: int) -> Part:
    # hx-upsert sorts by id: "earlier-…" stays above every "message-…".
    return Part(f"earlier-{room}-{before}", "live/_earlier.html", "earlier", Earlier(room, before))


def _news(room: Room, rows: Sequence[Message], shown: int | None) -> tuple[Part, ...]:
    return () if shown is None else tuple(line_part(room, row) for row in rows if row.seq > shown)


def _shown(known: State | None, room: Room) -> int | None:
    """The seq that open pages have reached; None when nothing can be built on what they show.

    That is so after a backup was restored, when versions and lines may mean something else.
    """
    if known is None or int(known.version) > room.version:
        return None
    parts = known.regions[0].parts
    shown = parts[-1].data.seq if parts else 0
    return shown if shown <= room.last_seq else None


def _changed(room: Room, rows: Sequence[Message], shown: int | None, known: State | None) -> tuple[Part, ...] | None:
    """The lines that are new or different; None when open pages have to be filled anew."""
    if shown is None or known is None or shown // REFILL != room.last_seq // REFILL:
        return None
    version = int(known.version)
    # A line that is no longer among the newest must not be sent alone: where it is not shown it would be added.
    if rows and room.messages.filter(at_version__gt=version, seq__lt=rows[0].seq).exists():
        return None
    return tuple(line_part(room, row) for row in rows if row.at_version > version)


def _line(room: Room, message: Message) -> Line:
    retracted = message.retracted_at is not None
    return Line(
        room=room.slug,
        seq=message.seq,
        kind=message.kind,
        author_id=message.author_id,
        author=message.author_name,
        body="" if retracted else message.body,
        at=message.at,
        follows=message.follows,
        day_before=message.previous_at,
        retracted=retracted,
        retracted_by=message.retracted_by.get_username() if message.retracted_by else "",
    )


def _event(line: Line) -> dict:
    at = line.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"type": "message", "room": line.room, "seq": line.seq, "username": line.author, "message": line.body}
    event |= {"at": at, "kind": line.kind}
    return event | {"retracted": True} if line.retracted else event
