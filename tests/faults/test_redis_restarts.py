"""Six restarts of Redis while 50 messages a second are written in one process and read in another."""

from __future__ import annotations

import contextlib
import json
import time

from tests.faults.crowd import until
from tests.faults.measuring import percentile, report
from tests.faults.shown import PRESENCE, Fresh, Shown
from tests.faults.sizes import sized
from tests.faults.stack import coming_back, socket_of
from tests.faults.wire import Address
from tests.faults.writing import NOTE, Writer

ROOM = "restarts"
RESTARTS = sized(2, 6, 300)
AWAY_S = 1.0
BETWEEN_S = sized(1.5, 6.0)
RATE = 50
HEALED_S = 3.0


class Program:
    """A program's socket: when each message came."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}

    def hear(self, message: bytes, at: float) -> None:
        event = json.loads(message)
        if event["type"] == "message" and (name := NOTE.match(event["message"])):
            self.came.setdefault(name[0], at)

    @property
    def names(self) -> set[str]:
        return {NOTE.match(name)[1] for name in self.came}

    def delays(self) -> list[float]:
        return [at - float(NOTE.match(name)[2]) for name, at in self.came.items()]


def test_nothing_is_lost_and_all_is_healed_within_three_seconds(stack, crowd):
    here, there = stack.apps[:2]
    page = stack.page(f"/chat/{ROOM}/", port=there.port)
    programs, pages = [Program() for _ in range(5)], [Shown() for _ in range(5)]
    for program in programs:
        crowd.invite([Address(there.port, f"/ws/chat/{ROOM}/?format=json")], hear=program.hear)
    for shown in pages:
        crowd.invite([socket_of(page, there.port)], hear=shown.hear, coming_back=coming_back(page))
    crowd.gather(crowd.members)
    with contextlib.ExitStack() as exits:
        people = stack.people[:5]
        writers = [exits.enter_context(Writer(here.port, ROOM, one, rate=RATE / len(people))) for one in people]
        for _ in range(RESTARTS):
            time.sleep(BETWEEN_S)
            stack.redis.kill()
            time.sleep(AWAY_S)
            stack.redis.start()
        time.sleep(BETWEEN_S)

    def fresh() -> Fresh:
        return Fresh(stack.page(f"/chat/{ROOM}/", port=there.port))

    wrong: list[str] = []
    said = {name for writer in writers for name in writer.stored}

    def missing() -> list[str]:
        return sorted({name for program in programs for name in said - program.names}, key=_number)

    until(lambda: not missing(), HEALED_S, lambda: f"{len(missing())} messages have not come: {missing()[:20]}")

    def right() -> bool:
        wrong[:] = [one for shown in pages for one in shown.differs(fresh(), without=PRESENCE)]
        return not wrong

    until(right, HEALED_S, lambda: f"the pages are right, not {wrong[0]}")
    delays = [delay for program in programs for delay in program.delays()]
    report("redis restarts", messages=len(said), longest_s=max(delays), p50_s=percentile(delays, 50), restarts=RESTARTS)
    assert len(said) >= 0.8 * RATE * RESTARTS * BETWEEN_S
    assert max(delays) <= HEALED_S
    assert all(len(member.opened) == 1 for member in crowd.members), "a socket did not survive"


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
