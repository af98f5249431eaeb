"""Each part is killed, stopped and restarted while people read and write; everything is right again within 5 s."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tests.faults.crowd import Crowd, until
from tests.faults.measuring import report
from tests.faults.shown import PRESENCE, Fresh, Shown
from tests.faults.sizes import FULL, sized
from tests.faults.stack import BOARD, Stack, coming_back, socket_of
from tests.faults.victims import Victim
from tests.faults.writing import Writer, repeatedly

ROOM = "/chat/matrix/"
PAGES = (ROOM, BOARD)
SOCKETS = sized(40, 200)
OUTAGE_S = sized(1.5, 5.0)
REDIS_OUTAGE_S = 5.0
"""Long enough to be noticed: three beats."""
STOPPED_S = sized(4.0, 10.0)
RIGHT_S = 5.0
PRESENCE_S = 16.0
NOTICED_S = 4.3
LOG_LINES = 100
REQUESTS = sized(10, 40)
VICTIMS = ("redis", "postgres", "app", "nginx")
EVERY = [(fault, victim) for victim in VICTIMS for fault in ("kill", "stop", "restart")]
SOME = [("kill", "redis"), ("restart", "postgres"), ("stop", "app"), ("kill", "nginx")]


class Onlookers:
    """Open pages, half of them in the room and half at the board; half of their people are guests."""

    def __init__(self, stack: Stack, crowd: Crowd) -> None:
        self.stack = stack
        self.shown: dict[str, list[Shown]] = {}
        for path in PAGES:
            page = stack.page(path)
            people = [*stack.people[:30], None]
            addresses = [
                socket_of(page, stack.nginx.port, person=people[min(number, 30)]) for number in range(SOCKETS // 2)
            ]
            self.shown[path] = [Shown() for _ in addresses]
            for address, shown in zip(addresses, self.shown[path], strict=True):
                crowd.invite([address], hear=shown.hear, coming_back=coming_back(page))
        self.members = crowd.members
        crowd.gather(self.members)

    def wrong(self, *, without: frozenset[str] = PRESENCE) -> list[str]:
        """How open pages differ from those that are loaded now."""
        found = []
        for path, pages in self.shown.items():
            fresh = Fresh(self.stack.page(path))
            found += [difference for shown in pages for difference in shown.differs(fresh, without=without)]
        return found

    def come_right(self, seconds: float, **options: frozenset[str]) -> float:
        """Wait until every page is connected and right; the seconds it took."""
        last: list[str] = ["nothing was compared"]

        def right() -> bool:
            last[:] = self._look(**options)
            return not last

        started = time.monotonic()
        while not right():
            took = time.monotonic() - started
            assert took < seconds, f"after {took:.1f} s {len(last)} differences, such as {last[0]}"
            time.sleep(0.05)
        return time.monotonic() - started

    def _look(self, **options: frozenset[str]) -> list[str]:
        away = sum(not member.is_served for member in self.members)
        if away:
            return [f"{away} pages are not connected"]
        try:
            return self.wrong(**options)
        except urllib.error.URLError as error:
            return [f"a page does not load: {error}"]


@pytest.fixture(scope="module")
def onlookers(whole_stack: Stack) -> Iterator[Onlookers]:
    whole_stack.mend()
    with Crowd() as crowd:
        yield Onlookers(whole_stack, crowd)


def break_it(victim: Victim, fault: str, outage: float, during: Callable[[], None]) -> None:
    """The fault, from its begin to its end."""
    if fault == "restart":
        victim.restart()
    elif fault == "stop":
        victim.freeze()
        hold(STOPPED_S, during)
        victim.thaw()
    else:
        victim.kill()
        hold(outage, during)
        victim.start()


def hold(seconds: float, during: Callable[[], None]) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        during()
        time.sleep(min(0.5, left))


def pages_serve_and_say_so(stack: Stack, since: float) -> None:
    """With Redis down: each process answers, and once it has missed three beats it says that it is slow."""
    for app in stack.apps[:2]:
        text = stack.get(ROOM, port=app.port, seconds=2)
        if time.monotonic() - since > NOTICED_S:
            assert "Slow, every" in text


@pytest.mark.parametrize("fault, name", sized(SOME, EVERY))
def test_everything_is_right_again_after(stack, onlookers, fault, name):
    victim = stack.victims[name]
    onlookers.come_right(30)
    known, numbers = [len(lines) for lines in stack.logged()], count()
    with Writer(stack.nginx.port, "matrix", stack.people[0], rate=5) as writer:
        end_samples = repeatedly(lambda: _try_to_push(stack, next(numbers)), 0.4)
        time.sleep(0.5)
        began = time.monotonic()
        if name == "redis":
            break_it(victim, fault, REDIS_OUTAGE_S, lambda: pages_serve_and_say_so(stack, began))
        else:
            break_it(victim, fault, OUTAGE_S, lambda: None)
        ended = time.monotonic()
        until(lambda: writer.last_stored_at > ended, RIGHT_S, "what people write is stored again")
        end_samples()
    stack.push(next(numbers))
    onlookers.come_right(RIGHT_S - (time.monotonic() - ended))
    took = time.monotonic() - ended

    for _ in range(REQUESTS // len(PAGES)):
        for path in PAGES:
            stack.get(path, person=stack.people[1])
        stack.push(next(numbers))
    # Whom a test before this one has killed may still be counted.
    online = onlookers.come_right(PRESENCE_S, without=frozenset()) if FULL or name == "app" else 0.0
    logged = [line for lines, before in zip(stack.logged(), known, strict=True) for line in lines[before:]]
    report(f"{fault} {name}", right_s=took, presence_s=online, log_lines=len(logged), longest_post_s=writer.longest_s)
    assert len(logged) <= LOG_LINES, "\n".join(logged)


def _try_to_push(stack: Stack, value: float) -> None:
    try:
        stack.push(value)
    except OSError:
        return
