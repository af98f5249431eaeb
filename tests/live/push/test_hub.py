from __future__ import annotations

import asyncio
import time

import pytest

from live.push import sockets as sockets_module
from live.push.fragments import MANY
from live.push.hub import Hub
from live.push.outbox import MAX_ITEMS
from live.push.topics import View
from tests.live.push.floor import ENGLISH, RUSSIAN, Peer, Shelf, visit


@pytest.fixture(autouse=True)
def shelf():
    Shelf.put({1: "alice", 2: "bob"})


@pytest.fixture
async def hub():
    return Hub("here")


async def change(hub: Hub, names: dict[int, str]) -> None:
    Shelf.put(names)
    hub.offer(["shelf.all"])
    await hub._tick()


async def test_a_new_page_gets_the_present_state_and_the_beat(hub):
    peer = Peer()
    await visit(hub, peer)
    (frame,) = peer.received
    assert '<hx-partial hx-target="#shelf" hx-swap="innerMorph">' in frame
    assert "alice" in frame
    assert "bob" in frame
    assert 'hx-target="#beat" hx-swap="outerHTML"' in frame


async def test_only_what_changed_is_sent(hub):
    peer = Peer()
    await visit(hub, peer)
    peer.clear()
    await change(hub, {1: "alice", 2: "charlie"})
    (frame,) = peer.received
    assert "charlie" in frame
    assert "alice" not in frame


async def test_one_change_is_rendered_and_encoded_once_however_many_watch(hub):
    peers = [Peer() for _ in range(50)]
    await visit(hub, *peers)
    for peer in peers:
        peer.clear()
    renders, encodes, loads = hub.counts["renders"], hub.counts["encodes"], Shelf.loads
    await change(hub, {1: "alice", 2: "charlie"})
    assert hub.counts["renders"] - renders == 1
    assert hub.counts["encodes"] - encodes == 1
    assert Shelf.loads - loads == 1
    assert len({id(peer.frames[0]) for peer in peers}) == 1


async def test_each_view_is_rendered_once(hub):
    await visit(hub, Peer(), Peer(), view=ENGLISH)
    await visit(hub, Peer(), Peer(), view=RUSSIAN)
    renders = hub.counts["renders"]
    await change(hub, {1: "alice", 2: "charlie"})
    assert hub.counts["renders"] - renders == 2


async def test_a_thousand_arrivals_render_nothing_after_the_first(hub):
    await visit(hub, Peer())
    renders, loads = hub.counts["renders"], Shelf.loads
    await visit(hub, *(Peer() for _ in range(200)))
    assert hub.counts["renders"] == renders
    assert Shelf.loads == loads


async def test_a_socket_costs_no_task(hub):
    before = len(asyncio.all_tasks())
    await visit(hub, *(Peer() for _ in range(100)))
    await change(hub, {1: "alice"})
    assert len(asyncio.all_tasks()) == before


async def test_a_program_gets_an_object_for_each_piece(hub):
    peer = Peer()
    await visit(hub, peer, view=View("en", "UTC", "json"))
    assert peer.received == ['{"type": "name", "name": "alice"}', '{"type": "name", "name": "bob"}']


async def test_a_page_that_arrives_while_the_topic_changes_misses_nothing(hub):
    early, late = Peer(), Peer()
    await visit(hub, early)
    Shelf.put({1: "alice", 2: "charlie"})
    hub.offer(["shelf.all"])
    await asyncio.gather(visit(hub, late), hub._tick())
    await hub._tick()
    assert "charlie" in "".join(late.received)


async def test_a_slow_peer_is_passed_over_and_gets_the_newest_later(hub):
    slow, healthy = Peer(), Peer()
    await visit(hub, slow, healthy)
    slow.clear()
    healthy.clear()
    slow.full = True
    await change(hub, {1: "alice", 2: "second"})
    await change(hub, {1: "alice", 2: "third"})
    assert slow.received == []
    assert len(healthy.received) == 2
    slow.full = False
    await hub._tick()
    (frame,) = slow.received
    assert "third" in frame
    assert "second" not in frame


async def overflow(hub: Hub) -> None:
    """Change more pieces, a few at a time, than an outbox holds."""
    names = {number: f"name {number}" for number in range(MAX_ITEMS + MANY)}
    await change(hub, dict(names))
    for start in range(0, len(names), MANY):
        names |= {number: f"other {number}" for number in range(start, start + MANY)}
        await change(hub, dict(names))


async def test_an_overflow_is_answered_with_one_snapshot_and_a_second_one_ends_the_socket(hub):
    peer = Peer()
    (socket,) = await visit(hub, peer)
    peer.full = True
    await overflow(hub)
    assert socket.wants_snapshot
    peer.clear()
    peer.full = False
    await hub._tick()
    (frame,) = peer.received
    assert 'hx-target="#shelf" hx-swap="innerMorph"' in frame
    peer.full = True
    await overflow(hub)
    assert peer.ended == "behind"


async def test_many_changes_at_once_fill_the_container_anew(hub):
    everybody = {number: f"name {number}" for number in range(MANY + 1)}
    peer = Peer()
    Shelf.put(everybody)
    await visit(hub, peer)
    peer.clear()
    await change(hub, {number: f"other {number}" for number in everybody})
    (frame,) = peer.received
    assert frame.count("hx-partial hx-target") == 1


async def test_a_peer_that_stalls_for_eight_seconds_is_dropped(hub, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(sockets_module, "time", type("Clock", (), {"monotonic": staticmethod(lambda: clock[0])}))
    peer = Peer()
    await visit(hub, peer)
    peer.full = True
    await change(hub, {1: "alice"})
    clock[0] += 8
    await change(hub, {1: "bob"})
    assert peer.ended is None
    clock[0] += 0.1
    await change(hub, {1: "charlie"})
    assert peer.ended == "behind"
    assert peer.aborted


async def test_a_page_that_left_leaves_nothing_behind(hub):
    sockets = await visit(hub, Peer(), Peer())
    for socket in sockets:
        hub.leave(socket)
        hub.leave(socket)
    assert hub.sockets == set()
    assert hub.watched == {}
    assert list(hub.roster.seats()) == []


async def test_a_log_item_does_not_wait_for_the_tick(hub, monkeypatch):
    monkeypatch.setattr(Shelf, "at_once", True)
    peer = Peer()
    await visit(hub, peer)
    peer.clear()
    Shelf.put({1: "alice", 2: "charlie"})
    started = time.monotonic()
    hub.offer(["shelf.all"])
    async with asyncio.timeout(5):
        while not peer.received:
            await asyncio.sleep(0.001)
    assert time.monotonic() - started < 0.25
    assert "charlie" in peer.received[0]


async def test_a_topic_that_cannot_be_read_is_tried_again_and_logged_once(hub, monkeypatch, caplog):
    peer = Peer()
    await visit(hub, peer)
    peer.clear()
    load = Shelf.load
    monkeypatch.setattr(Shelf, "load", lambda *args: 1 / 0)
    await change(hub, {1: "charlie"})
    await hub._tick()
    assert len([record for record in caplog.records if "shelf.all" in record.getMessage()]) == 1
    monkeypatch.setattr(Shelf, "load", load)
    await hub._tick()
    assert "charlie" in "".join(peer.received)


async def test_the_check_finds_a_change_without_a_version(hub, caplog):
    peer = Peer()
    await visit(hub, peer)
    peer.clear()
    Shelf.names = {1: "alice", 2: "smuggled"}
    await hub.healing.check()
    await hub._tick()
    assert "smuggled" in "".join(peer.received)
    assert hub.counts["heals_unversioned"] == 1
