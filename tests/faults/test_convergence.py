"""Whatever happens, an open page becomes what a page loaded now would be."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from live.announcements import verbs as announcing
from live.announcements.models import Announcement
from live.chat import verbs as chat
from live.chat.models import Room
from live.chat.topic import RoomTopic
from live.people import Access
from live.presence.roster import Seat
from live.push import guard
from tests.faults import writes
from tests.faults.dom import differences, holes
from tests.faults.floor import Floor, Tab, at, faster, until
from tests.faults.layer import StormyLayer, Weather
from tests.faults.sizes import sized
from tests.repository import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

HEALED_WITHIN_S = 5.0
STORM = {"loss": 0.3, "doubles": 0.2, "delay_s": 0.05}
PAGES = [
    ("alice", "/"),
    ("", "/"),
    ("bob", "/chat/general/"),
    ("", "/chat/general/"),
    ("alice", "/notifications/"),
    ("", "/online/"),
    ("bob", "/boards/ops/"),
    ("bob", "/chat/ops/"),
    ("alice", "/sources/"),
    ("alice", "/sources/shop/"),
]
NEVER_PUSHED_BY_A_TOPIC = {"_composer", "_refusal", "_gone", "_limit", "_misbehaved", "_not_allowed"}
NEVER_PUSHED_BY_A_TOPIC |= {"_restarting", "_signed_out"}
"""The answer to a form, and last words, which close the socket."""


class Run:
    """One run: tabs on two processes, and what happens to them. Each act is made particular by its number."""

    def __init__(self, world: writes.World, floor: Floor, clients: dict[str, Client], pages: list[int]) -> None:
        self.world, self.floor = world, floor
        self.tabs = [Tab(floor, clients[PAGES[n][0]], PAGES[n][1], number % 2) for number, n in enumerate(pages)]
        self.may_end = False
        """Whether somebody may have lost a page."""
        self.crowd = [Seat(f"seat{n}", 1000 + n, f"visitor {n}", "board.main") for n in range(12)]

    def do(self, act: str, number: int) -> None:
        chance = random.Random(number)
        self.may_end |= act in ("change_room", "change_board")
        if act in ACTS:
            ACTS[act](self, chance)
        else:
            # In one of the processes, or in a command, which has no hub.
            with at(chance.choice([*self.floor.hubs, None])):
                getattr(writes, act)(self.world, chance)
        if chance.random() < 0.5:
            time.sleep(chance.random() * 0.04)
        for tab in self.tabs:
            tab.look()

    def drop(self, chance: random.Random) -> None:
        chance.choice(self.tabs).drop(lost=chance.choice([0, 1, 3]))

    def come_back(self, chance: random.Random) -> None:
        """To either process."""
        tab = chance.choice(self.tabs)
        if tab.code == 1006:
            tab.process = chance.randrange(len(self.floor.hubs))
            tab.connect()

    def switch_tab(self, chance: random.Random) -> None:
        tab = chance.choice(self.tabs)
        tab.hidden = not tab.hidden

    def stop_reading(self, chance: random.Random) -> None:
        self.floor.soon(chance.choice(self.tabs).flowing.clear)

    def read_on(self, chance: random.Random) -> None:
        self.floor.soon(chance.choice(self.tabs).flowing.set)

    def storm(self, chance: random.Random) -> None:
        for name, value in STORM.items():
            setattr(self.floor.layer.weather, name, value)

    def bus_away(self, chance: random.Random) -> None:
        self.floor.layer.weather.down = True

    def bus_back(self, chance: random.Random) -> None:
        self.floor.soon(self.floor.layer.restart)

    def crowd_comes(self, chance: random.Random) -> None:
        self._crowd("sit", chance)

    def crowd_goes(self, chance: random.Random) -> None:
        self._crowd("rise", chance)

    def wait(self, chance: random.Random) -> None:
        time.sleep(chance.choice([0.05, 0.1, 0.3]))

    def converges(self) -> bool:
        """The faults end; every page is as if loaded now, within the time that was promised."""
        self.floor.layer.weather.clear()
        self.floor.soon(self.floor.layer.restart)
        return until(lambda: not self.wrong(), HEALED_WITHIN_S)

    async def unversioned(self) -> int:
        """What the hubs' check of every minute finds."""
        for one in self.floor.hubs:
            await one._tick()  # What changes by the clock now is no finding.
            await one.healing.check()
        return sum(one.counts["heals_unversioned"] for one in self.floor.hubs)

    def wrong(self) -> list[str]:
        found = []
        for tab in self.tabs:
            if tab.code is not None and tab.code > 4400 and not self.may_end:
                return [f"{tab.path} was ended with {tab.code} although everybody may see it"]
            tab.settle()
            text = tab.fetch()
            tab.look()
            if text is not None:
                found += [f"{tab.path}: {one}" for one in differences(tab.page, type(tab.page)(text))]
                found += [f"{tab.path}: a hole in {log}" for log in holes(tab.page)]
            elif tab.code is None:
                found.append(f"{tab.path} is open although nobody may see it")
        return found

    def _crowd(self, move: str, chance: random.Random) -> None:
        peers = chance.choice(self.floor.hubs).peers
        for seat in self.crowd:
            self.floor.soon(getattr(peers, move), seat)


NAMES = ["drop", "come_back", "switch_tab", "stop_reading", "read_on", "storm", "bus_away", "bus_back"]
NAMES += ["crowd_comes", "crowd_goes", "wait"]
ACTS: dict[str, Callable[[Run, random.Random], None]] = {name: getattr(Run, name) for name in NAMES}

# What takes things away is drawn more often: most of its effects need a second act to show.
OFTEN = ["drop", "come_back", "change_room", "wait", "wait"]
steps = st.lists(
    st.tuples(st.sampled_from([*ACTS, *OFTEN, *(one.__name__ for one in writes.WRITES)]), st.integers(0, 9999)),
    min_size=5,
    max_size=30,
)
pages = st.lists(st.integers(0, len(PAGES) - 1), min_size=3, max_size=4)
# Everything that can be shown is shown once, whatever else is drawn.
TOUR = [
    *[("make_tile", n) for n in range(12)],
    *[("sample", n) for n in range(3)],
    *[("announce_something", n) for n in (*range(6), 19)],
    *[("burst", 3), ("burst", 4), ("crowd_comes", 1), ("wait", 2), ("crowd_goes", 1), ("wait", 2)],
]
CHANGES = ["retract", "change_a_kpi", "change_announcement", "reorder", "take_off", "end_announcement", "drop_kpi"]
SECOND_DAY = [
    *[("make_tile", n) for n in range(8)],
    *[("say", n) for n in range(4)],
    *[("sample", 1), ("announce_something", 0), ("announce_something", 4), ("wait", 2)],
    *[(change, n) for change in CHANGES for n in range(6)],
]
"""With everything changed, in either process and in none."""


@pytest.fixture
def pushed():
    with faster() as templates:
        yield templates


def test_an_open_page_becomes_what_a_fresh_one_is(pushed):
    world = writes.World()
    swaps: set[str] = set()
    clients = {name: signed_in(user) for name, user in (("", None), ("alice", world.alice), ("bob", world.bob))}

    # Without shrinking: every attempt that fails waits for its 5 s.
    @settings(
        max_examples=sized(6, 300, 5_000),
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pages, steps)
    @example([0, 4, 5, 5], TOUR)
    @example([0, 2, 3, 6], TOUR)
    @example([1, 2, 4, 6], SECOND_DAY)
    @example([5, 5, 5], [("crowd_comes", 1), ("wait", 2), ("crowd_goes", 1), ("wait", 2)])
    @example([8, 9, 9], [("sample", 1), ("wait", 2), ("sample", 2), ("drop", 1)])
    def run(pages, steps):
        world.begin()
        with Floor(StormyLayer(Weather(random.Random(len(steps))))) as floor:
            one = Run(world, floor, clients, pages)
            for act, number in steps:
                one.do(act, number)
            assert one.converges(), "\n".join(one.wrong())
            assert floor.run(one.unversioned()) == 0, "something changed without a new version"
            swaps.update(*(tab.page.swaps for tab in one.tabs))

    run()
    assert every_fragment() - {Path(name).stem for name in pushed} == set()
    assert {"innerMorph", "outerMorph", "outerHTML", "upsert"} <= swaps


def signed_in(user) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def every_fragment() -> set[str]:
    """The fragments that topics push, by the names of their files."""
    return {file.stem for file in ROOT.glob("templates/*/_*.html")} - NEVER_PUSHED_BY_A_TOPIC


def test_a_room_that_is_closed_and_opened_again_is_on_the_board_again(pushed):
    world = writes.World()
    world.begin()
    chat.post_message(world.rooms[0], world.bob, "still here")
    with Floor(StormyLayer(Weather(random.Random(0)))) as floor:
        one = Run(world, floor, {"": Client()}, [1])
        for access in (Access.GROUPS, Access.PUBLIC):
            Room.objects.filter(slug="general").update(access=access)
            time.sleep(0.5)
        assert one.converges(), "\n".join(one.wrong())


def test_a_page_that_is_opened_while_rights_are_read_keeps_everything(pushed, monkeypatch):
    """What nobody watched when the reading began is missing from it; that is no reason to take it away."""
    monkeypatch.setattr(guard, "read_rights", slow(guard.read_rights))
    monkeypatch.setattr(RoomTopic, "load", slow(RoomTopic.load))
    world = writes.World()
    world.begin()
    announcing.announce(Announcement(title="Stays", text="", starts_at=timezone.now()), world.alice)
    with Floor(StormyLayer(Weather(random.Random(0)))) as floor:
        one = Run(world, floor, {"": Client()}, [3])
        time.sleep(1.5)
        assert one.converges(), "\n".join(one.wrong())


def slow(function):
    def slowly(*arguments):
        found = function(*arguments)
        time.sleep(0.3)
        return found

    return slowly
