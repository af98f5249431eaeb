"""What is announced now, for everybody; and what is announced for later, for those who may announce."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast

from live.announcements.models import Announcement, AnnouncementList
from live.clock import from_ms, to_ms
from live.people import Access, Audience
from live.push.topics import Context, Part, Region, State, Topic, register

KEY = "all"
PERMISSION = "live.add_announcement"
BY_URGENCY = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Notice:
    id: int
    severity: str
    title: str
    text: str
    starts_at: datetime
    expires_at: datetime | None
    author: str

    @property
    def event(self) -> dict:
        """As programs get it."""
        said = {"severity": self.severity, "title": self.title, "message": self.text}
        return {"type": "notification", "id": self.id} | said


@register
class AnnouncementsTopic(Topic):
    """The announcements that stand: as banners, in full, and in short."""

    kind = "announcements"

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {KEY: Audience()} if KEY in keys else {}

    @classmethod
    def versions(cls, keys: Iterable[str]) -> QuerySet:
        return _versions(cls.kind, keys)

    def load(self, context: Context, known: State | None) -> State | None:
        if self.key != KEY:
            return None
        version, standing = _read(context.now)
        active = _active(standing, context.now)
        # The most urgent first, the newest first among equals.
        active.sort(key=lambda notice: (BY_URGENCY.index(notice.severity), -to_ms(notice.starts_at), -notice.id))
        changes = [notice.starts_at for notice in standing] + [n.expires_at for n in active if n.expires_at]
        return State(version, tuple(_regions(active)), _next(changes, context.now))


@register
class ScheduleTopic(Topic):
    """The announcements that are still to come, for people who may announce."""

    kind = "schedule"

    @property
    def containers(self) -> tuple[str, ...]:
        return ("#scheduled",)

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {KEY: Audience(Access.SIGNED_IN, permission=PERMISSION)} if KEY in keys else {}

    @classmethod
    def versions(cls, keys: Iterable[str]) -> QuerySet:
        return _versions(cls.kind, keys)

    def load(self, context: Context, known: State | None) -> State | None:
        if self.key != KEY:
            return None
        version, standing = _read(context.now)
        later = sorted((n for n in standing if to_ms(n.starts_at) > context.now), key=lambda n: (n.starts_at, n.id))
        region = Region("#scheduled", tuple(_part("scheduled", "live/_scheduled.html", notice) for notice in later))
        return State(version, (region,), _next([notice.starts_at for notice in later], context.now))


def _read(now: int) -> tuple[str, list[Notice]]:
    """The version and the announcements that stand or will; the version first, so that it never runs ahead."""
    version = AnnouncementList.objects.values_list("version", flat=True).first() or 0
    return str(version), [_notice(row) for row in Announcement.objects.standing(from_ms(now))]


def _versions(kind: str, keys: Iterable[str]) -> QuerySet:
    rows = AnnouncementList.objects.all() if KEY in keys else AnnouncementList.objects.none()
    name = Value(f"{kind}.{KEY}", TextField())
    return rows.annotate(topic=name, at_version=Cast("version", TextField()))


def _active(notices: Iterable[Notice], now: int) -> list[Notice]:
    return [notice for notice in notices if to_ms(notice.starts_at) <= now]


def _next(changes: Iterable[datetime], now: int) -> int | None:
    return min((at for at in map(to_ms, changes) if at > now), default=None)


def _regions(active: list[Notice]) -> Iterable[Region]:
    # Programs are told once, although the page shows it in three places.
    yield Region("#banner", tuple(_part("banner", "live/_banner.html", n, event=n.event) for n in active))
    yield Region("#announcements", tuple(_part("announcement", "live/_announcement.html", n) for n in active))
    yield Region("#announcements-now", tuple(_part("now", "live/_announcement_now.html", n) for n in active))


def _part(prefix: str, template: str, notice: Notice, *, event: dict | None = None) -> Part:
    return Part(f"{prefix}-{notice.id}", template, "notice", notice, event)


def _notice(row: Announcement) -> Notice:
    return Notice(row.pk, row.severity, row.title, row.text, row.starts_at, row.expires_at, row.author_name)
