"""What a change costs, counted instead of timed: it must not grow with the number of pages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.test import override_settings
from redis.asyncio import Redis

from live.push.hub import Hub
from tests.live.push.floor import ENGLISH, RUSSIAN, Peer, Shelf, visit

ASKING = {"info", "client|setinfo"}
"""The test's own commands, and what a new connection says of itself."""
LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"


@pytest.fixture(autouse=True)
def shelf():
    Shelf.put({1: "alice", 2: "bob"})


@pytest.fixture
async def hub() -> Hub:
    return Hub("here")


async def change(hub: Hub, name: str) -> None:
    Shelf.put({1: "alice", 2: name})
    hub.offer(["shelf.all"])
    await hub._tick()


@pytest.mark.parametrize("pages", [1, 50])
@pytest.mark.parametrize("views", [[ENGLISH], [ENGLISH, RUSSIAN]], ids=["one view", "two views"])
async def test_an_event_is_loaded_once_and_rendered_and_encoded_once_for_each_view(hub, pages, views):
    for view in views:
        await visit(hub, *(Peer() for _ in range(pages)), view=view)
    before = hub.counts.copy()
    await change(hub, "charlie")
    grown = hub.counts - before
    assert grown["loads"] == 1
    assert grown["renders"] == len(views)
    assert grown["encodes"] == len(views)
    assert grown["frames"] == pages * len(views)


async def test_a_delivery_hops_to_no_thread(hub, monkeypatch):
    """One hop per event, to read the database; none per page."""
    peers = [Peer() for _ in range(50)]
    await visit(hub, *peers)
    hops = count_hops(monkeypatch)
    await change(hub, "charlie")
    assert len(hops) == 1
    assert all("charlie" in peer.received[-1] for peer in peers)


async def test_a_page_costs_no_task_when_it_arrives_nor_when_it_is_sent_something(hub):
    before = len(asyncio.all_tasks())
    most = []
    await visit(hub, *(Peer() for _ in range(100)))
    watch = asyncio.create_task(sample_tasks(most))
    await change(hub, "charlie")
    watch.cancel()
    assert len(asyncio.all_tasks() - {watch}) == before
    assert max(most, default=0) < before + 20, "the work of one event, whatever the number of pages"


@pytest.fixture
async def on_redis(redis_url) -> AsyncIterator[Hub]:
    """A hub whose bus is a Redis of its own, without what it says by the clock."""
    layers = {"default": {"BACKEND": LAYER, "CONFIG": {"hosts": [redis_url]}}}
    with override_settings(CHANNEL_LAYERS=layers):
        hub = Hub("here")
        tasks = [asyncio.create_task(work()) for work in (hub.bus.listen, hub.bus.speak)]
        yield hub
        for task in tasks:
            task.cancel()
        await hub.bus.close()


async def watched_by(hub: Hub, pages: int) -> list[Peer]:
    """So many pages, and the hub has joined the group of what they show."""
    peers = [Peer() for _ in range(pages)]
    await visit(hub, *peers)
    await until(lambda: "shelf.all" in hub.bus._joined)
    return peers


@pytest.mark.parametrize("pages", [1, 60])
async def test_a_publish_is_one_command_of_redis_however_many_pages_watch(on_redis, redis_url, pages):
    peers = await watched_by(on_redis, pages)
    async with Redis.from_url(redis_url) as redis:
        before = await commands(redis)
        for number in range(5):
            await change(on_redis, f"name {number}")
            on_redis._offer_and_tell(("shelf.all",))
        await until(lambda: not on_redis.bus._outgoing)
        await asyncio.sleep(0.2)
        grown = await commands(redis) - before
    assert all("name 4" in peer.received[-1] for peer in peers)
    assert grown.pop("publish") == 5
    assert grown.keys() <= ASKING, "nothing else, and nothing for each page"


async def test_redis_holds_one_subscription_for_each_process_and_topic(on_redis, redis_url):
    await watched_by(on_redis, 60)
    async with Redis.from_url(redis_url) as redis:
        channels = [name.decode() for name in await redis.pubsub_channels()]
    assert len([name for name in channels if "shelf.all" in name]) == 1


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def commands(redis: Redis) -> Counter[str]:
    """How often each command was carried out since the start of Redis."""
    stats = await redis.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()})


def count_hops(monkeypatch: pytest.MonkeyPatch) -> list[Callable]:
    """Everything that is handed to a thread from now on."""
    loop = asyncio.get_running_loop()
    hand_over, hops = loop.run_in_executor, []

    def noted(executor: Any, function: Callable, *args: Any) -> Any:
        hops.append(function)
        return hand_over(executor, function, *args)

    monkeypatch.setattr(loop, "run_in_executor", noted)
    return hops


async def sample_tasks(counts: list[int]) -> None:
    while True:
        counts.append(len(asyncio.all_tasks()))
        await asyncio.sleep(0)
