"""What healing finds in the database, and which of it counts as a signal that was lost."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from live.chat.models import Room
from live.chat.topic import RoomTopic
from live.chat.verbs import post_message
from live.push.hub import Hub
from tests.live.push.floor import Peer, open_socket

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "room.general"


@pytest.fixture
async def hub() -> Hub:
    return Hub("here")


@pytest.fixture
async def peer(hub, room) -> Peer:
    peer = Peer()
    await hub.enter(open_socket(peer), [RoomTopic("general")])
    peer.clear()
    return peer


async def say(author, text: str) -> None:
    """Nobody is told: no hub of this process has started, and none hears of it from elsewhere."""
    await sync_to_async(lambda: post_message(Room.objects.get(slug="general"), author, text))()


async def shown(peer: Peer, text: str) -> None:
    async with asyncio.timeout(5):
        while text not in "".join(peer.received):
            await asyncio.sleep(0.01)


async def test_a_change_whose_signal_was_lost_is_shown_and_counted(hub, peer, bob):
    await say(bob, "unheard")
    await hub.healing.heal()
    await shown(peer, "unheard")
    assert (hub.counts["heals_version"], hub.counts["gaps"]) == (1, 1)


async def test_a_signal_that_comes_a_moment_after_healing_is_not_lost(hub, peer, bob):
    await say(bob, "a little late")
    healing = asyncio.create_task(hub.healing.heal())
    await shown(peer, "a little late")
    hub.offer([NAME])
    await healing
    assert hub.counts["heals_version"] == 0


async def test_news_that_are_being_read_are_not_lost(hub, peer, bob):
    await say(bob, "on its way")
    async with hub.watched[NAME].lock:
        await hub.healing.heal()
    await shown(peer, "on its way")
    assert hub.counts["heals_version"] == 0


async def test_where_nothing_changed_nothing_is_read(hub, peer, bob):
    loads = hub.counts["loads"]
    await hub.healing.heal()
    assert hub.counts["loads"] == loads
    assert hub.counts["heals_version"] == 0
