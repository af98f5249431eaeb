"""Rights are current: whoever loses one, however it was taken, is shown nothing more of it after 5 s."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Self

import pytest

from tests.faults.console import Console
from tests.faults.floor import until
from tests.faults.losses import AWAY, LOSSES, MORE, SET_UP, Floor, Loss
from tests.faults.pair import Pair, pair
from tests.faults.sizes import FULL, sized
from tests.faults.tabs import OpenPage
from tests.servers.postgres import new_database
from tests.servers.watchfloor import PASSWORD

OBEYED_WITHIN_S = 5.0
WATCHED_FOR_S = OBEYED_WITHIN_S + 2
SAY_EVERY_S = 0.25


@pytest.fixture(scope="module")
def two(tmp_path_factory, postgres) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("revocation"), new_database(postgres, "watchfloor_revocation")) as two:
        yield two


@pytest.fixture
def floor(two) -> Iterator[Floor]:
    with Console(two.servers[0]) as console, two.servers[0].client("alice") as admin:
        console.run(f"PASSWORD = {PASSWORD!r}\n{SET_UP}")
        yield Floor(two, console, admin)


@pytest.mark.parametrize("bus", sized(["down"], ["up", "down"]))
def test_whoever_loses_a_right_is_shown_nothing_more_of_it(floor, bus):
    losses = [*LOSSES, *(MORE if FULL else [])]
    with contextlib.ExitStack() as stack:
        cases = [stack.enter_context(Case(floor, loss, f"{loss.name}-{bus}")) for loss in losses]
        if bus == "down":
            floor.pair.redis.stop()
            stack.callback(floor.pair.redis.start)
        for case in cases:
            case.lose()
        last = time.monotonic()
        while time.monotonic() < last + WATCHED_FOR_S:
            say_something_everywhere(floor)
            time.sleep(SAY_EVERY_S)
        problems = [f"{case.name}: {problem}" for case in cases for problem in case.problems()]
    assert not problems, "\n".join(problems)


SOMETHING_TO_SHOW = """
later = timezone.now() + timedelta(hours=1)
announce(Announcement(title="Later", text="", starts_at=later), user("alice"))
store([Reading(Identity(Source.objects.ensure("shop", "push").pk, "queue"), now_ms(), 1.0)])
"""


def test_whoever_lost_a_right_while_disconnected_is_not_left_with_what_was_shown(floor):
    """The socket ends with a word of why, or what may no longer be seen is taken off the page."""
    floor.code(SOMETHING_TO_SHOW)
    with contextlib.ExitStack() as stack:
        cases = [stack.enter_context(Case(floor, loss, loss.name)) for loss in AWAY]
        floor.code("for room in Room.objects.all(): post_message(room, user('alice'), 'for friends')")
        assert until(lambda: all(case.shows() for case in cases), OBEYED_WITHIN_S), "nothing to take away"
        for case in cases:
            case.go_away()
        for case in cases:
            case.lose()
        for case in cases:
            case.come_back()
        until(lambda: not any(case.shows() for case in cases), OBEYED_WITHIN_S)
        left = [f"{case.name} still shows {case.target} in {case.shows()} places" for case in cases if case.shows()]
    assert not left, "\n".join(left)


def say_something_everywhere(floor: Floor) -> None:
    floor.code("for room in Room.objects.all(): post_message(room, user('alice'), 'canary')")


class Case:
    """One person who loses something, with a page at each process."""

    def __init__(self, floor: Floor, loss: Loss, name: str) -> None:
        self.floor, self.loss, self.name = floor, loss, name
        floor.code(f"someone({name!r}{', ' * bool(loss.rights)}{loss.rights})")
        session = floor.console.run(f"cookie({name!r})")
        self.clients = [floor.client(process, session) for process in (0, 1)]
        self.lost_at = 0.0

    def __enter__(self) -> Self:
        path = self.loss.path.format(name=self.name)
        self.pages = [
            OpenPage(server, path, client) for server, client in zip(self.floor.pair.servers, self.clients, strict=True)
        ]
        for page in self.pages:
            page.wait_until_live()
        return self

    def __exit__(self, *error: object) -> None:
        for page in self.pages:
            page.__exit__()

    @property
    def target(self) -> str:
        return self.loss.target.format(name=self.name)

    def shows(self) -> int:
        """On how many pages the target has something in it, without a word that the page has ended."""
        for page in self.pages:
            page.look()
        return sum(
            bool(page.page.region(self.target)) and page.codes[-1:] not in ([4401], [4403]) for page in self.pages
        )

    def go_away(self) -> None:
        for page in self.pages:
            page.go_away()

    def come_back(self) -> None:
        for page in self.pages:
            page.come_back()

    def lose(self) -> None:
        self.loss.take(self.floor, self.name, self.clients[0])
        self.lost_at = time.monotonic()

    def problems(self) -> Iterator[str]:
        for process, page in enumerate(self.pages):
            for problem in self._closing(page) if self.loss.closes else self._emptying(page):
                yield f"at process {process}, {problem}"

    def _closing(self, page: OpenPage) -> Iterator[str]:
        if page.codes != [self.loss.closes]:
            yield f"expected {self.loss.closes}, got {page.codes}"
        elif (took := page.closes[0].at - self.lost_at) > OBEYED_WITHIN_S:
            yield f"closed after {took:.1f} s"

    def _emptying(self, page: OpenPage) -> Iterator[str]:
        target = self.target
        if page.codes:
            yield f"the page should go on, but was closed with {page.codes}"
        page.look()
        if page.page.region(target):
            yield f"{target} still shows {page.page.region(target)!r:.200}"
        late = [one for one in page.frames if one.at > self.lost_at + OBEYED_WITHIN_S and f'"{target}"' in one.text]
        if late:
            yield f"{target} was sent {late[-1].at - self.lost_at:.1f} s after"
