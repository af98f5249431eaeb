"""What people, programs and admins do: each a named act that a number makes particular."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from live.announcements import verbs as announcing
from live.announcements.models import Announcement
from live.chat import verbs as chat
from live.chat.models import Message, Room
from live.clock import now_ms
from live.people import STAFF_GROUP, Access
from metrics.boards import verbs as boards
from metrics.boards.changes import announce
from metrics.boards.models import Board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import change_kpi, remove_kpi
from metrics.series.models import Series
from metrics.series.readings import Identity, Reading
from metrics.series.storing import store
from metrics.sources.models import Source

METRICS = ["orders", "visits", "errors", "load"]
WORDS = ["deploy", "done", "<b>&amp;", "hi & bye", "наконец", "x" * 300]
STAFF_MAY = ["add_announcement", "retract_message", "add_kpi", "view_source"]

Act = Callable[["World", random.Random], object]


class World:
    """The people, rooms and boards of every run: Alice is staff, Bob is not."""

    def __init__(self) -> None:
        staff, _ = Group.objects.get_or_create(name=STAFF_GROUP)
        staff.permissions.add(*Permission.objects.filter(codename__in=STAFF_MAY))
        self.alice = User.objects.update_or_create(username="alice", defaults={"is_staff": True})[0]
        self.bob = User.objects.get_or_create(username="bob")[0]
        self.rooms = [self._room("general", Access.PUBLIC), self._room("ops", Access.SIGNED_IN)]
        self.boards = [self._board("main", Access.PUBLIC), self._board("ops", Access.SIGNED_IN)]
        self.sources = [Source.objects.ensure(name, Source.Kind.PUSH) for name in ("shop", "depot")]

    def begin(self) -> None:
        """As on the first day: everybody may see what they may see, and nothing has happened."""
        for model in (Message, Announcement, KPI, Series):
            model.objects.all().delete()
        Room.objects.update(last_seq=0, version=F("version") + 1)
        for one, access in zip([*self.rooms, *self.boards], [Access.PUBLIC, Access.SIGNED_IN] * 2, strict=True):
            type(one).objects.filter(pk=one.pk).update(access=access)

    def _room(self, slug: str, access: str) -> Room:
        return Room.objects.update_or_create(slug=slug, defaults={"name": slug.title(), "access": access})[0]

    def _board(self, slug: str, access: str) -> Board:
        room = Room.objects.get(slug="general" if slug == "main" else slug)
        default = {"name": slug.title(), "access": access, "room": room, "is_default": slug == "main"}
        return Board.objects.update_or_create(slug=slug, defaults=default)[0]


# Chat


def say(world: World, chance: random.Random) -> None:
    author = chance.choice([world.alice, world.bob])
    for _ in range(chance.choice([1, 1, 2, 5])):
        chat.post_message(chance.choice(world.rooms), author, chance.choice(WORDS))


def burst(world: World, chance: random.Random) -> None:
    """More than a page holds, at once."""
    room = chance.choice(world.rooms)
    with transaction.atomic() if chance.random() < 0.5 else nullcontext():
        for number in range(chance.choice([60, 160])):
            chat.post_message(room, world.bob, f"line {number}")


def retract(world: World, chance: random.Random) -> None:
    said = Message.objects.filter(kind=Message.Kind.MESSAGE, retracted_at=None).order_by("-pk")[:70]
    if said:
        message = chance.choice(said)
        chat.retract(message, chance.choice([world.alice, message.author or world.alice]))


def come_or_go(world: World, chance: random.Random) -> None:
    chance.choice([chat.arrive, chat.leave])(chance.choice(world.rooms), chance.choice([world.alice, world.bob]))


def change_room(world: World, chance: random.Random) -> None:
    room = Room.objects.get(pk=chance.choice(world.rooms).pk)
    room.access = chance.choice([Access.PUBLIC, Access.SIGNED_IN, Access.GROUPS])
    room.description = chance.choice(["", "What happens now"])
    chat.save_room(room)


# Announcements


def announce_something(world: World, chance: random.Random) -> None:
    start = timezone.now() + timedelta(seconds=chance.choice([-60, -1, 0, 1, 2, 600]))
    lasts = chance.choice([None, 1, 2, 3, 600])
    expiry = start + timedelta(seconds=lasts) if lasts else None
    severity = chance.choice(list(Announcement.Severity))
    notice = Announcement(
        title=chance.choice(WORDS)[:80], text="Why", severity=severity, starts_at=start, expires_at=expiry
    )
    announcing.announce(notice, world.alice)


def change_announcement(world: World, chance: random.Random) -> None:
    if (notice := _any(Announcement.objects.all(), chance)) is not None:
        notice.title, notice.severity = f"changed {chance.randrange(9)}", Announcement.Severity.WARNING
        announcing.change(notice)


def end_announcement(world: World, chance: random.Random) -> None:
    if (notice := _any(Announcement.objects.all(), chance)) is not None:
        chance.choice([announcing.withdraw, announcing.remove])(notice)


# Numbers


def sample(world: World, chance: random.Random) -> None:
    now = now_ms()
    announce(store([_reading(world, chance, now) for _ in range(chance.choice([1, 3, 20]))]))


def make_tile(world: World, chance: random.Random) -> None:
    boards.make_tile(chance.choice(world.boards), chance.choice([*METRICS, "never_sent"]))


def change_a_kpi(world: World, chance: random.Random) -> None:
    if (kpi := _any(KPI.objects.all(), chance)) is not None:
        kpi.warn, kpi.critical = chance.choice([(None, None), (10, None), (10, 20), (-5, 5)])
        kpi.name = chance.choice([kpi.name, "Orders & more", "Заказы"])
        kpi.unit = chance.choice(["", "%", "B"])
        kpi.stale_after_s = chance.choice([None, 1, 2])
        change_kpi(kpi)


def take_off(world: World, chance: random.Random) -> None:
    if (kpi := _any(KPI.objects.all(), chance)) is not None:
        boards.take_off_board(chance.choice(world.boards), kpi)


def drop_kpi(world: World, chance: random.Random) -> None:
    if (kpi := _any(KPI.objects.all(), chance)) is not None:
        remove_kpi(kpi)


def reorder(world: World, chance: random.Random) -> None:
    board = chance.choice(world.boards)
    kpis = list(board.kpis.values_list("pk", flat=True))
    boards.reorder(board, chance.sample(kpis, len(kpis)))


def change_board(world: World, chance: random.Random) -> None:
    board = Board.objects.get(pk=chance.choice(world.boards).pk)
    board.name = chance.choice(["Main", "Shop floor", "Всё"])
    board.access = chance.choice([Access.PUBLIC, Access.PUBLIC, Access.SIGNED_IN])
    boards.save_board(board)


WRITES: list[Act] = [
    say,
    burst,
    retract,
    come_or_go,
    change_room,
    announce_something,
    change_announcement,
    end_announcement,
    sample,
    make_tile,
    change_a_kpi,
    take_off,
    drop_kpi,
    reorder,
    change_board,
]


def _reading(world: World, chance: random.Random, now: int) -> Reading:
    labels = chance.choice([(), (("region", "eu"),)])
    identity = Identity(chance.choice(world.sources).pk, chance.choice(METRICS), labels)
    return Reading(identity, now - chance.choice([0, 300, 1000, 4000, 61_000]), chance.choice([0.0, 7.5, 12.0, 1e6]))


def _any(rows: QuerySet, chance: random.Random) -> Any:
    found = list(rows.order_by("pk"))
    return chance.choice(found) if found else None
