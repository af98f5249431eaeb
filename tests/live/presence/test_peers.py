"""Rosters in several processes agree, however many messages are lost on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.presence import peers as module
from live.presence.peers import DIGEST_EVERY_S, SILENT_S, Peers
from live.presence.roster import Roster, Seat


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Floor:
    """Processes and what is on its way between them."""

    def __init__(self, clock: Clock, *names: str) -> None:
        self.clock = clock
        self.mail: list[dict[str, Any]] = []
        self.processes = {name: Peers(Roster(name), self.mail.append, lambda: None) for name in names}

    def deliver(self, lose: set[int] = frozenset()) -> None:
        """Hand everything out to everybody, but for the messages with these numbers."""
        number = 0
        while self.mail:
            message = self.mail.pop(0)
            if number not in lose:
                for one in self.processes.values():
                    one.hear(message)
            number += 1

    def pass_time(self, seconds: float, *, bus_is_up: bool = True) -> None:
        for _ in range(int(seconds)):
            self.clock.now += 1
            for one in self.processes.values():
                one.send_changes()
                one.beat(bus_is_up=bus_is_up)
            if bus_is_up:
                self.deliver()
            else:
                self.mail.clear()

    def counts(self) -> set[int]:
        return {one.roster.presence().people_count for one in self.processes.values()}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def seat(number: int) -> Seat:
    return Seat(f"s{number}", number, f"p{number}", "board.main")


def test_who_comes_is_counted_everywhere_at_the_next_message(clock):
    floor = Floor(clock, "a", "b")
    floor.processes["a"].sit(seat(1))
    floor.processes["a"].send_changes()
    floor.deliver()
    assert floor.counts() == {1}
    floor.processes["a"].rise(seat(1))
    floor.processes["a"].send_changes()
    floor.deliver()
    assert floor.counts() == {0}


def test_who_comes_and_goes_between_two_messages_is_never_mentioned(clock):
    floor = Floor(clock, "a", "b")
    floor.processes["a"].sit(seat(1))
    floor.processes["a"].rise(seat(1))
    floor.processes["a"].send_changes()
    assert floor.mail == []


def test_a_new_process_asks_and_learns_who_is_here(clock):
    floor = Floor(clock, "a", "b")
    floor.processes["a"].sit(seat(1))
    floor.processes["a"].send_changes()
    floor.mail.clear()
    floor.processes["b"].ask()
    floor.deliver()
    assert floor.counts() == {1}


def test_a_killed_process_is_forgotten_after_fifteen_seconds(clock):
    floor = Floor(clock, "a", "b")
    floor.processes["a"].sit(seat(1))
    floor.pass_time(2)
    del floor.processes["a"]
    floor.pass_time(SILENT_S - 1)
    assert floor.counts() == {1}
    floor.pass_time(DIGEST_EVERY_S + 1)
    assert floor.counts() == {0}


def test_a_process_that_says_goodbye_is_forgotten_at_once(clock):
    floor = Floor(clock, "a", "b")
    floor.processes["a"].sit(seat(1))
    floor.pass_time(2)
    floor.processes.pop("a").leave()
    floor.deliver()
    assert floor.counts() == {0}


def test_while_the_bus_is_down_nobody_is_dropped_and_the_count_says_about(clock):
    floor = Floor(clock, "a", "b")
    floor.processes["a"].sit(seat(1))
    floor.pass_time(2)
    floor.pass_time(60, bus_is_up=False)
    assert floor.counts() == {1}
    assert not floor.processes["b"].roster.presence().exact
    floor.pass_time(2)
    assert floor.counts() == {1}
    assert floor.processes["b"].roster.presence().exact


steps = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6), st.sets(st.integers(0, 4))), max_size=30)


@given(steps)
def test_the_rosters_agree_within_two_digests_whatever_was_lost(steps):
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", clock)
        floor = Floor(clock, "a", "b", "c")
        sitting: dict[str, set[int]] = {name: set() for name in "abc"}
        for name, number, lost in steps:
            own = seat(number + 10 * ord(name))
            verb = floor.processes[name].rise if number in sitting[name] else floor.processes[name].sit
            sitting[name] ^= {number}
            verb(own)
            floor.processes[name].send_changes()
            floor.deliver(lost)
        floor.pass_time(2 * DIGEST_EVERY_S)
        assert floor.counts() == {sum(map(len, sitting.values()))}
