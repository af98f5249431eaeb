"""Nobody is shown, or sent, a word that is meant for others."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from live.announcements.models import Announcement
from live.announcements.verbs import announce as announce_notice
from live.chat.models import Room
from live.chat.verbs import post_message
from live.clock import now_ms
from live.people import OPERATORS_GROUP, Access
from live.push.topics import TOPICS
from metrics.boards.changes import announce
from metrics.boards.models import Board
from metrics.boards.verbs import make_tile
from metrics.series.readings import Identity, Reading
from metrics.series.storing import store
from metrics.sources.models import Source
from tests.faults import writes
from tests.faults.floor import Floor, Tab, at, faster
from tests.faults.layer import StormyLayer, Weather
from tests.faults.sizes import sized
from tests.faults.test_convergence import signed_in

pytestmark = pytest.mark.django_db(transaction=True)

ROLES: dict[str, dict[str, Any]] = {
    "guest": {},
    "member": {},
    "friend": {"groups": ["Night"]},
    "operator": {"groups": [OPERATORS_GROUP]},
    "staff": {"is_staff": True},
    "admin": {"is_superuser": True, "is_staff": True},
}
PLACES = {"open": Access.PUBLIC, "house": Access.SIGNED_IN, "night": Access.GROUPS}
KINDS = {"board", "room", "arrivals", "announcements", "schedule", "online", "user", "source", "sources"}
"""Of topics. A new kind is to be asked about here too: who may know of it?"""
RIGHTS = {"arrives": "metrics.add_kpi", "planned": "live.add_announcement", "source-": "metrics.view_source"}
"""What it takes to know of a secret that belongs to no room and no board, by how it begins."""
SETTLED_S = 0.5


class Ear(Tab):
    """A socket at any address, whether or not there is a page for this person."""

    def load(self) -> None:
        self.address = self.path
        self.heard: list[str] = []
        self.connect()

    def look(self) -> None:
        while self.waiting:
            self.heard.append(self.waiting.popleft())

    def listen(self) -> str:
        self.look()
        return "\n".join(self.heard)


@dataclass(frozen=True)
class Secret:
    """A word, and the roles that may learn it."""

    word: str
    roles: frozenset[str]


class House:
    """A room and a board of each access, and one person of each role."""

    def __init__(self) -> None:
        self.world = writes.World()
        self.world.begin()
        night, _ = Group.objects.get_or_create(name="Night")
        for slug, access in PLACES.items():
            room = Room.objects.create(slug=slug, name=f"Room of {slug}", access=access)
            board = Board.objects.create(slug=slug, name=f"Board of {slug}", access=access, room=room)
            room.groups.add(night)
            board.groups.add(night)
        self.people = {role: self._person(role, **rights) for role, rights in ROLES.items() if role != "guest"}
        self.clients = {role: signed_in(self.people.get(role)) for role in ROLES}

    def admitted(self, place: Room | Board) -> frozenset[str]:
        return frozenset(role for role in ROLES if self._may_see(role, place))

    def holders(self, permission: str) -> frozenset[str]:
        held = (role for role, user in self.people.items() if User.objects.get(pk=user.pk).has_perm(permission))
        return frozenset(held)

    def tell_secrets(self, number: int) -> list[Secret]:
        """Something new in every topic, each with a word of its own."""
        told = []
        for room in Room.objects.filter(slug__in=PLACES):
            post_message(room, self.world.alice, f"said-in-{room.slug}-{number}")
            told.append(Secret(f"said-in-{room.slug}-{number}", self.admitted(room)))
        for board in Board.objects.filter(slug__in=PLACES):
            self._measure(f"shown-on-{board.slug}-{number}")
            make_tile(board, f"shown-on-{board.slug}-{number}")
            told.append(Secret(f"tile-shown-on-{board.slug}-{number}", self.admitted(board)))
        told.append(self._schedule(f"planned-{number}"))
        self._measure(f"arrives-{number}")
        Source.objects.ensure(f"source-{number}", Source.Kind.PUSH)
        told.append(Secret(f"source-{number}", self.holders("metrics.view_source")))
        return [*told, Secret(f"arrives-{number}", self.holders("metrics.add_kpi"))]

    def shuffle(self, chance: random.Random) -> None:
        """Other groups, other accesses."""
        night = Group.objects.get(name="Night")
        for user in self.people.values():
            chance.choice([night.user_set.add, night.user_set.remove])(user)
        for place in [*Room.objects.filter(slug__in=PLACES), *Board.objects.filter(slug__in=PLACES)]:
            type(place).objects.filter(pk=place.pk).update(access=chance.choice(Access.values))
        User.objects.filter(username="staff").update(is_staff=chance.random() < 0.5)

    def _may_see(self, role: str, place: Room | Board) -> bool:
        """Written out here once more, so that the code is not measured with its own rule."""
        place.refresh_from_db()
        if place.access == Access.PUBLIC or role == "admin":
            return True
        if role == "guest":
            return False
        in_night = Group.objects.filter(name="Night", user=self.people[role]).exists()
        return place.access == Access.SIGNED_IN or in_night

    def _person(self, role: str, groups: Sequence[str] = (), **rights: Any) -> User:
        user = User.objects.create_user(role, **rights)
        user.groups.set([Group.objects.get_or_create(name=name)[0] for name in groups])
        return user

    def _measure(self, metric: str) -> None:
        announce(store([Reading(Identity(self.world.sources[0].pk, metric), now_ms(), 1.0)]))

    def _schedule(self, title: str) -> Secret:
        later = timezone.now() + timedelta(hours=1)
        announce_notice(Announcement(title=title, text="", starts_at=later), self.world.alice)
        return Secret(title, self.holders("live.add_announcement"))


@pytest.fixture
def house():
    return House()


@pytest.fixture
def noted():
    with faster() as pushed, Floor(StormyLayer(Weather(random.Random(0)))) as floor:
        yield floor, pushed


def addresses() -> list[str]:
    """Every socket, as pages and as programs open it."""
    places = [f"/ws/{kind}/{slug}/" for kind in ("chat", "boards") for slug in (*PLACES, "main")]
    paths = [*places, "/ws/chat/", "/ws/online/", "/ws/notifications/", "/ws/sources/", "/ws/sources/shop/"]
    return [path + query for path in paths for query in ("?lang=en", "?format=json")]


def test_no_socket_hears_what_is_meant_for_others(house, noted):
    """Neither one that was opened just now nor one that stayed open while rights changed; whoever may hear it does."""
    floor, pushed = noted
    assert set(TOPICS) - {"shelf"} == KINDS
    stayed: dict[str, list[Ear]] = {role: [] for role in ROLES}
    for number in range(sized(2, 25)):
        house.shuffle(random.Random(number))
        time.sleep(SETTLED_S)
        fresh = {role: open_ears(floor, client) for role, client in house.clients.items()}
        time.sleep(SETTLED_S)
        with at(floor.hubs[number % 2]):
            secrets = house.tell_secrets(number)
        time.sleep(SETTLED_S)
        for role in ROLES:
            for secret in secrets:
                heard = places(fresh[role], secret.word)
                overheard = heard + places(stayed[role], secret.word)
                assert role not in secret.roles or heard, f"round {number}: {role} did not hear {secret.word!r}"
                assert role in secret.roles or not overheard, f"round {number}: {role} heard {secret} on {overheard}"
            for ear in stayed[role]:
                ear.drop()
        stayed = fresh
    shown = {name.rpartition("/")[2].removesuffix(".html") for name in pushed}
    assert {"_message", "_tile", "_scheduled", "_arrival", "_board_title", "_online_count"} <= shown


def open_ears(floor: Floor, client: Client) -> list[Ear]:
    return [Ear(floor, client, address, 0) for address in addresses()]


def places(ears: list[Ear], word: str) -> list[str]:
    """Where the word was heard."""
    return [ear.path for ear in ears if word in ear.listen()]


def test_no_page_names_what_is_meant_for_others(house):
    """Neither rooms nor boards nor what is in them, on any page, in any answer to an address that was guessed."""
    secrets = house.tell_secrets(0) + house.tell_secrets(1)
    for one in [*Room.objects.filter(slug__in=PLACES), *Board.objects.filter(slug__in=PLACES)]:
        secrets.append(Secret(one.name, house.admitted(one)))
    for number in range(sized(2, 15)):
        for role, client in house.clients.items():
            text = everything(client)
            for secret in secrets:
                assert role in secret.roles or secret.word not in text, f"{role} sees {secret.word!r}"
                # What is planned, and what is said, stands on a page of those who may know.
                assert role not in secret.roles or secret.word in text, f"{role} does not see {secret.word!r}"
        house.shuffle(random.Random(number))
        rename_roles(house, secrets)


def rename_roles(house: House, secrets: list[Secret]) -> None:
    """Who may know what, after rights have changed."""
    rooms, boards = ({one.slug: one for one in kind.objects.filter(slug__in=PLACES)} for kind in (Room, Board))
    for number, secret in enumerate(secrets):
        word = secret.word
        place = next((rooms[s] for s in PLACES if f"in-{s}" in word or word == rooms[s].name), None)
        place = place or next((boards[s] for s in PLACES if f"on-{s}" in word or word == boards[s].name), None)
        permission = next((right for start, right in RIGHTS.items() if word.startswith(start)), "")
        secrets[number] = Secret(word, house.admitted(place) if place else house.holders(permission))


def everything(client: Client) -> str:
    """All pages of a person, refusals included."""
    places = [f"/{kind}/{slug}/" for kind in ("chat", "boards") for slug in PLACES]
    paths = [
        "/",
        "/chat/",
        "/online/",
        "/notifications/",
        "/account/",
        "/account/style.css",
        "/metrics",
        "/sources/",
        *places,
    ]
    paths += ["/sources/shop/", "/series/"]
    paths += [f"/chat/{slug}/?before=99" for slug in PLACES]
    answers = [client.get(path) for path in paths]
    refused = [client.post(f"/chat/{slug}/retract/", {"seq": 999}, HTTP_HX_REQUEST="true") for slug in PLACES]
    refused += [client.post(f"/boards/{slug}/tiles/", {"metric": ""}, HTTP_HX_REQUEST="true") for slug in PLACES]
    return "\n".join(answer.content.decode() for answer in [*answers, *refused])
