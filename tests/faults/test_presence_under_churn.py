"""Who is here, over three processes, while people come and go and one process is killed."""

from __future__ import annotations

import json
import random
import time

import pytest

from tests.faults.crowd import Crowd, Member, until
from tests.faults.measuring import percentile, report
from tests.faults.sizes import sized
from tests.faults.stack import Stack
from tests.faults.wire import Address
from tests.faults.writing import Person

SOCKETS = sized(60, 300)
ROUNDS = sized(4, 25, 500)
CLEAN_S = 1.0
KILLED_S = 16.0
PATHS = ("/ws/boards/shop/", "/ws/chat/matrix/", "/ws/online/", "/ws/notifications/")
Count = tuple[int, int, int]
"""People, tabs, guests."""


class Watcher:
    """A program on one process that is told of every change of the count. It counts as a guest itself."""

    def __init__(self, crowd: Crowd, port: int) -> None:
        self.counts: list[Count] = []
        (self.member,) = crowd.invite([Address(port, "/ws/online/?format=json")], hear=self._hear)
        crowd.gather([self.member])

    @property
    def sees(self) -> Count:
        return self.counts[-1]

    def _hear(self, message: bytes, at: float) -> None:
        event = json.loads(message)
        if event["type"] == "online_count":
            self.counts.append((event["count"], event["tabs"], event["guests"]))


class Floor:
    """The people who are here, by socket, and how many that makes."""

    def __init__(self, stack: Stack, crowd: Crowd) -> None:
        self.stack, self.crowd = stack, crowd
        self.here: dict[Member, Person | None] = {}
        self.watchers = [Watcher(crowd, app.port) for app in stack.apps]

    @property
    def truth(self) -> Count:
        names = {person.name for person in self.here.values() if person}
        guests = sum(person is None for person in self.here.values())
        return len(names), len(self.here) + len(self.watchers), guests + len(self.watchers)

    def come(self, count: int) -> None:
        for _ in range(count):
            person = random.choice([*self.stack.people, None, None, None])
            app = random.choice(self.stack.apps)
            address = Address(app.port, random.choice(PATHS), cookie=person.cookie if person else "")
            self.here |= dict.fromkeys(self.crowd.invite([address]), person)
        self.crowd.gather([member for member in self.here if not member.opened])

    def go(self, count: int) -> None:
        """Half of them say goodbye, half just hang up."""
        leaving = random.sample(list(self.here), min(count, len(self.here)))
        for number, member in enumerate(leaving):
            member.leave() if number % 2 else member.vanish()
            del self.here[member]
        until(lambda: not any(member.is_open for member in leaving), 5, "those who leave have left")

    def agree(self, seconds: float) -> float:
        def what() -> str:
            return f"all see {self.truth}; they see {[watcher.sees for watcher in self.watchers]}"

        try:
            return until(lambda: all(watcher.sees == self.truth for watcher in self.watchers), seconds, "agree")
        except AssertionError:
            raise AssertionError(f"not within {seconds} s: {what()}") from None

    def lose(self, app_number: int) -> None:
        """Forget those who were on a process that was killed."""
        port = self.stack.apps[app_number].port
        self.here = {member: person for member, person in self.here.items() if member.address.port != port}
        del self.watchers[app_number]


@pytest.fixture
def floor(stack, crowd) -> Floor:
    floor = Floor(stack, crowd)
    floor.agree(KILLED_S + 4)  # Others may have been killed before.
    return floor


def test_the_count_is_exact_after_clean_events_and_heals_after_a_kill(stack, floor):
    random.seed(7)
    floor.come(SOCKETS)
    delays = [floor.agree(CLEAN_S * 2)]
    for _ in range(ROUNDS):
        floor.go(random.randrange(1, SOCKETS // 3))
        floor.come(max(0, random.randrange(SOCKETS // 3, SOCKETS) - len(floor.here)))
        delays.append(floor.agree(CLEAN_S * 2))

    stack.apps[2].kill()
    killed_at = time.monotonic()
    floor.lose(2)
    least = floor.truth
    floor.agree(KILLED_S)
    healed = time.monotonic() - killed_at
    fallen = [watcher.counts for watcher in floor.watchers]
    report("presence", exact_s=max(delays), p50_s=percentile(delays, 50), healed_s=healed, sockets=SOCKETS)

    assert max(delays) <= CLEAN_S
    assert healed <= KILLED_S
    assert all(min(count) >= 0 for counts in fallen for count in counts), "a negative count"
    assert all(count >= least for count in (watcher.sees for watcher in floor.watchers))
    stack.apps[2].start()
    floor.come(5)
    floor.agree(CLEAN_S * 3)
