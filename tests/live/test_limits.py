from __future__ import annotations

import pytest

from live import limits
from live.limits import Bucket, Buckets, Room, Visitor


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(limits, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))
    return now


@pytest.fixture
def room(settings):
    settings.LIMITS = settings.LIMITS | {
        "sockets": 4,
        "sockets_per_address": 3,
        "sockets_per_user": 2,
        "handshakes": 2,
    }
    return Room()


def test_a_bucket_lets_through_its_rate_and_no_more(clock):
    bucket = Bucket(20)
    assert [bucket.take() for _ in range(21)] == [True] * 20 + [False]
    clock[0] += 0.049
    assert not bucket.take()
    clock[0] += 0.002
    assert bucket.take()


def test_a_pause_saves_up_one_seconds_worth(clock):
    bucket = Bucket(5)
    clock[0] += 3600
    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]


def test_a_rate_of_0_knows_no_limit(clock):
    bucket = Bucket(0)
    assert all(bucket.take() for _ in range(1000))


def test_each_name_has_a_bucket_of_its_own(clock, monkeypatch):
    buckets = Buckets(1)
    assert buckets.take("a")
    assert buckets.take("b")
    assert not buckets.take("a")


def test_what_is_remembered_of_addresses_is_bounded(clock, monkeypatch):
    monkeypatch.setattr(limits, "REMEMBERED", 2)
    buckets = Buckets(1)
    assert [buckets.take(name) for name in "abc"] == [True] * 3
    assert not buckets.take("c")
    assert buckets.take("a"), "the oldest is forgotten"


def test_a_person_may_have_so_many_sockets(room):
    alice = Visitor(1, "10.0.0.1")
    room.enter(alice)
    assert not room.is_full_for(alice)
    room.enter(alice)
    assert room.is_full_for(alice)
    assert not room.is_full_for(Visitor(2, "10.0.0.1"))
    room.leave(alice)
    assert not room.is_full_for(alice)


def test_guests_are_limited_by_address(room):
    guest = Visitor(None, "10.0.0.1")
    for _ in range(3):
        assert not room.is_full_for(guest)
        room.enter(guest)
    assert room.is_full_for(guest)
    assert not room.is_full_for(Visitor(None, "10.0.0.2"))
    assert room.refused == {"address": 1, "sockets": 0, "user": 0}


def test_a_process_has_so_many_sockets(room):
    for number in range(4):
        room.enter(Visitor(None, f"10.0.0.{number}"))
    assert room.is_full_for(Visitor(None, "10.0.0.9"))


def test_an_address_that_opens_sockets_too_fast_is_told_to_wait(room, clock):
    room = Room()
    assert [room.is_rushed("10.0.0.1") for _ in range(3)] == [False, False, True]
    assert not room.is_rushed("10.0.0.2")


def test_who_left_is_not_counted(room):
    visitor = Visitor(1, "10.0.0.1")
    room.enter(visitor)
    room.leave(visitor)
    assert room.sockets == 0
    assert not room._people
