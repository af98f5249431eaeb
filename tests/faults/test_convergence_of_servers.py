"""The same promise with nothing made up: two processes, a Redis that restarts, sockets that break."""

from __future__ import annotations

import contextlib
import random
import time

import httpx
import pytest

from tests.faults import writes
from tests.faults.console import Console
from tests.faults.floor import until
from tests.faults.pair import Pair, pair
from tests.faults.sizes import sized
from tests.faults.tabs import OpenPage
from tests.servers.watchfloor import csrf_token, sign_in

ROUNDS = sized(1, 6)
ACTS = sized(10, 30)
HEALED_WITHIN_S = 5.0
PAGES = [("alice", "/"), ("", "/boards/main/"), ("bob", "/chat/general/"), ("", "/online/")]
PAGES += [("alice", "/notifications/"), ("bob", "/boards/ops/"), ("", "/chat/general/")]


@pytest.fixture
def floor(tmp_path, postgres_url):
    with pair(tmp_path, postgres_url) as two:
        two.servers[0].add_user("bob")
        yield two


class Run:
    """`seed` makes the run; it is part of what a failure says."""

    def __init__(self, floor: Pair, console: Console, tabs: list[OpenPage], seed: int) -> None:
        self.floor, self.console, self.tabs = floor, console, tabs
        self.chance = random.Random(seed)

    def act(self) -> None:
        chosen = self.chance.choices([self.write, self.post, self.break_a_socket, self.restart_redis], [12, 6, 3, 2])
        chosen[0]()
        for tab in self.tabs:
            tab.look()

    def write(self) -> None:
        """By a command, which has no hub."""
        act = self.chance.choice(writes.WRITES).__name__
        self.console.run(f"writes.{act}(world, random.Random({self.chance.randrange(9999)}))")

    def post(self) -> None:
        """On the page of a room, at either process."""
        writers = [tab for tab in self.tabs if "sessionid" in tab.client.cookies]
        tab = self.chance.choice(writers)
        form = tab.client.get("/account/").text
        fields = {"message": f"number {self.chance.random()}", "csrfmiddlewaretoken": csrf_token(form)}
        tab.client.post("/chat/ops/messages/", data=fields, follow_redirects=False)

    def break_a_socket(self) -> None:
        self.chance.choice(self.tabs).drop()

    def restart_redis(self) -> None:
        self.floor.redis.stop()
        time.sleep(self.chance.random())
        self.write()
        self.floor.redis.start()

    def converges(self) -> bool:
        return until(lambda: not self.wrong(), HEALED_WITHIN_S)

    def wrong(self) -> list[str]:
        for tab in [tab for tab in self.tabs if not tab.is_open and tab.codes and tab.codes[-1] > 4400]:
            tab.reload()
        return [one for tab in self.tabs for one in tab.wrong()]


def test_two_servers_and_a_redis_that_restarts(floor):
    with contextlib.ExitStack() as stack:
        console = stack.enter_context(Console(floor.servers[0]))
        console.run("import random; from tests.faults import writes; world = writes.World(); world.begin()")
        tabs = [stack.enter_context(open_page(floor, n, *page)) for n, page in enumerate(PAGES)]
        for seed in range(ROUNDS):
            one = Run(floor, console, tabs, seed)
            for _ in range(ACTS):
                one.act()
            assert one.converges(), f"run {seed}:\n" + "\n".join(one.wrong())


def open_page(floor: Pair, number: int, name: str, path: str) -> OpenPage:
    server = floor.servers[number % 2]
    client = httpx.Client(base_url=server.url, headers={"Origin": server.url}, follow_redirects=True)
    if name:
        sign_in(client, name)
    return OpenPage(server, path, client)
