"""Twenty-four hours in a minute: what ages, expires and times out does so, and a wall screen is still live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psutil
import pytest
from channels.layers import InMemoryChannelLayer
from playwright.sync_api import Page, expect

from live.push import bus as bus_module
from live.push import rounds
from live.push.bus import Bus
from live.push.rounds import for_ever
from tests.faults.console import Console
from tests.faults.day import SESSION_S
from tests.faults.floor import until
from tests.faults.pair import NO_LIMITS
from tests.faults.seen import wrong
from tests.faults.sizes import sized
from tests.servers.pages import curtain
from tests.servers.watchfloor import Watchfloor

DAY_S = sized(14, 60, 3_600)
SAMPLES_A_SECOND = 4
HEALED_WITHIN_S = 5.0
SERVER_GROWTH = 12 * 2**20
BROWSER_GROWTH = 1.5 * 2**20
NODES_GROWTH = 1.1
"""Between the first third of the day and its end."""
NODES = "document.evaluate('count(//node())', document).numberValue"
IN_THE_LOG = "document.evaluate('count(//ol[@id=\"room-general-log\"]//node())', document).numberValue"
"""Nodes that come and go by design: an open log holds 50 to 200 lines."""
UNSEEN = 3
"""Nodes that Chromium makes inside <use>, and counts, for each node of a line: 0.8 were measured."""


@pytest.fixture
def server(tmp_path) -> Iterator[Watchfloor]:
    with Watchfloor(tmp_path, NO_LIMITS, command=("-m", "tests.faults.day")) as server:
        yield server


@dataclass(frozen=True)
class Size:
    """Bytes of the server and of the page's scripts; nodes of the room's log, of the rest of the page, and in all."""

    server: int
    heap: float
    log: float
    rest: float
    nodes: float


def test_a_wall_screen_is_still_live_after_a_day(server, visitor):
    token = server.source_token("shop")
    server.push(token, "once", 1)
    for metric in ("orders", "once"):
        server.manage("add_kpi", metric)
    wall = visitor(server)
    screen = wall.open("/")
    kept = visitor(server, "alice").open("/notifications/")
    started, measured = time.monotonic(), None
    with Console(server) as console:
        console.run(SET_UP)
        while (hours := time.monotonic() - started) < DAY_S:
            an_hour(server, console, token, hours)
            if measured is None and hours > DAY_S / 3:
                measured = size(server, screen)
    expect(kept.locator("#beat")).to_contain_text("You are signed out")
    expect(screen.locator("#link")).to_contain_text("Live")
    expect(curtain(screen)).to_be_hidden()
    server.push(token, "orders", 4321)
    expect(screen.locator("#tile-orders .tile-value")).to_contain_text("4,321", timeout=1500)
    assert until(lambda: not wrong(wall, screen), HEALED_WITHIN_S), "\n".join(wrong(wall, screen))
    assert measured is not None
    assert_flat(measured, size(server, screen))
    assert DAY_S > 2 * SESSION_S, "no session outlived its age"


SET_UP = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from live.announcements.models import Announcement
from live.announcements.verbs import announce
from live.chat.models import Room
from live.chat.verbs import arrive, leave, post_message
alice, room = User.objects.get(), Room.objects.get(slug="general")
def an_hour(number):
    start = timezone.now() + timedelta(seconds=1)
    end = start + timedelta(seconds=2)
    announce(Announcement(title=f"Hour {number}", text="", starts_at=start, expires_at=end), alice)
    post_message(room, alice, f"hour {number}")
    [leave, arrive][number % 2](room, alice)
"""


def an_hour(server: Watchfloor, console: Console, token: str, number: float) -> None:
    """In about a second: samples, an announcement that comes and goes, a few lines, somebody's visit."""
    console.run(f"an_hour({int(number)})")
    with server.client() as guest:
        guest.get("/")
    for _ in range(SAMPLES_A_SECOND):
        server.push(token, "orders", number)
        time.sleep(0.8 / SAMPLES_A_SECOND)


def size(server: Watchfloor, screen: Page) -> Size:
    assert server.process is not None
    tools = screen.context.new_cdp_session(screen)
    tools.send("Performance.enable")
    for _ in range(2):
        tools.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
    tools.detach()
    log = screen.evaluate(IN_THE_LOG)
    memory = psutil.Process(server.process.pid).memory_info().rss
    return Size(memory, found["JSHeapUsedSize"], log, screen.evaluate(NODES) - log, found["Nodes"])


def assert_flat(before: Size, after: Size) -> None:
    assert after.server - before.server < SERVER_GROWTH, (before, after)
    assert after.heap - before.heap < BROWSER_GROWTH, (before, after)
    assert after.rest < before.rest * NODES_GROWTH, (before, after)
    grown = max(0.0, after.log - before.log)
    assert after.nodes < before.nodes * NODES_GROWTH + UNSEEN * grown, (before, after)


# The layer forgets who listens: its group memberships after a day, the channel after a long sleep.


@pytest.fixture
def layer(monkeypatch) -> InMemoryChannelLayer:
    layer = InMemoryChannelLayer(group_expiry=86_400)
    monkeypatch.setattr(bus_module, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(bus_module, "DOWN_AFTER_S", 0.3)
    monkeypatch.setattr(rounds, "RETRY_S", 0.05)
    return layer


@pytest.fixture
async def heard(layer) -> AsyncIterator[tuple[Bus, list[str]]]:
    """A bus at work, and what it hears of others on one topic."""
    messages: list[str] = []
    bus = Bus("here", lambda message: messages.append(message["topic"]))
    bus.join("room.general")
    tasks = [asyncio.create_task(work) for work in (for_ever(bus.listen), for_ever(bus.speak), beat(bus))]
    await asyncio.sleep(0.1)
    yield bus, messages
    for task in tasks:
        task.cancel()


async def beat(bus: Bus) -> None:
    while True:
        bus.beat()
        await asyncio.sleep(0.05)


async def others_are_heard(layer: InMemoryChannelLayer, messages: list[str]) -> bool:
    messages.clear()
    await layer.group_send("room.general", {"type": "hub.signal", "origin": "there", "topic": "room.general"})
    await asyncio.sleep(0.05)
    return messages == ["room.general"]


async def test_a_hub_whose_memberships_expire_joins_again(layer, heard):
    bus, messages = heard
    for _ in range(sized(2, 10)):
        assert await others_are_heard(layer, messages)
        for members in layer.groups.values():
            for channel in members:
                members[channel] -= layer.group_expiry + 2
        assert not await others_are_heard(layer, messages), "the layer forgot nothing"
        await asyncio.sleep(0.8)
        assert bus.is_up


async def test_a_hub_whose_channel_is_forgotten_listens_on_another(layer, heard):
    """As after a sleep in which a message expired that had arrived but had not been taken."""
    bus, messages = heard
    layer.channels.clear()
    layer.groups.clear()
    await asyncio.sleep(1.5)
    assert bus.is_up
    assert await others_are_heard(layer, messages)
