"""Clients that do not read, and one that sends as fast as it can: each costs only itself, and not for long."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.audience import Audience
from tests.faults.crowd import SMALL_BUFFER, Crowd, Member, until
from tests.faults.measuring import figures, peers, percentile, report, rss_mib
from tests.faults.sizes import sized
from tests.faults.stack import prepare
from tests.faults.wire import CLOSE, PING, Address, Incoming, frame
from tests.faults.writing import Person, Writer, repeatedly
from tests.servers.watchfloor import Watchfloor

ROOM = "pushed"
HEALTHY, SLOW = sized(40, 200), sized(5, 20)
RUN_S = sized(3.0, 60.0)
RATE, SIZE = 50, 1024
LEAST = 0.8
"""Of the rate."""
WRITERS = 5
GONE_S = 20.0
RSS_MIB = 32
PERCENT = sized(95, 99)
"""Of the deliveries: the short form runs beside other tests, and its p99 is one of the slowest two of its messages."""
DELAY_S = sized(0.250, 0.050)
FLOOD_S = sized(2.0, 10.0)
FLOOD_RSS_MIB = 16
FLOOD_DELAY_S = sized(0.250, 0.100)
CLOSED_S = 2.0
SETTLE_S = 5.0
ENDLESS = frame(b"", opcode=1)[:1] + b"\xfe\xff\xff" + b"\0\0\0\0"
"""The head of a message of 65,535 bytes, which then come one by one."""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory) -> Iterator[Watchfloor]:
    with Watchfloor(tmp_path_factory.mktemp("embedded"), {"LIMIT_HANDSHAKES": "0", "LIMIT_CHAT": "0"}) as server:
        yield server


@pytest.fixture(scope="module")
def people(embedded) -> list[Person]:
    prepared = prepare(embedded, people=WRITERS, rooms=(ROOM,))
    return [Person(name, session) for name, session in prepared["sessions"].items()]


@pytest.fixture(scope="module")
def calm_s(embedded, people) -> float:
    """What nobody disturbs."""
    with Crowd() as crowd:
        audience = Audience(crowd, address(embedded), HEALTHY)
        return run(embedded, people, audience, "calm", lambda: time.sleep(RUN_S))


def address(server: Watchfloor, *, program: bool = False) -> Address:
    return Address(server.port, f"/ws/chat/{ROOM}/{'?format=json' * program}")


@contextlib.contextmanager
def pushing(server: Watchfloor, people: list[Person], name: str) -> Iterator[Callable[[], set[str]]]:
    """1 KB, 50 times a second, to everybody; afterwards the names of the messages."""
    with contextlib.ExitStack() as exits:
        named = [Person(f"{name}{number}", one.session) for number, one in enumerate(people)]
        pace = {"rate": RATE / WRITERS, "size": SIZE}
        writers = [Writer(server.port, ROOM, one, after_s=turn / RATE, **pace) for turn, one in enumerate(named)]
        for writer in writers:
            exits.enter_context(writer)
        yield lambda: {text for writer in writers for text in writer.stored}


class Highest:
    """The highest value that was read while the block ran."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read
        self.value = self.before = read()

    def __enter__(self) -> Highest:
        self._end = repeatedly(self._look, 0.2)
        return self

    def __exit__(self, *error: object) -> None:
        self._look()
        self._end()

    @property
    def growth(self) -> float:
        return self.value - self.before

    def _look(self) -> None:
        self.value = max(self.value, self._read())


def run(server, people, audience, name: str, meanwhile: Callable[[], None]) -> float:
    """The delay to healthy readers that PERCENT of the deliveries keep to; none of them may miss anything."""
    audience.start_anew()
    with pushing(server, people, name) as said:
        meanwhile()
    until(lambda: audience.have_all(said()), SETTLE_S, "everybody has everything")
    assert len(said()) > LEAST * RATE * RUN_S
    delays = audience.delays()
    report(f"{name} run", p50_s=percentile(delays, 50), p95_s=percentile(delays, 95), p99_s=percentile(delays, 99))
    return percentile(delays, PERCENT)


def test_slow_consumers_go_and_nobody_else_notices(embedded, people, crowd, calm_s):
    before = figures(embedded)
    assert before["watchfloor_sockets"] == 0
    audience = Audience(crowd, address(embedded), HEALTHY)
    gone: dict[Member, float] = {}
    with Highest(lambda: rss_mib(embedded)) as memory:
        disturbed = run(embedded, people, audience, "slow", lambda: gone.update(stop_reading(embedded, crowd)))
    slowest = max(gone.values())
    report("slow consumers", calm_s=calm_s, delay_s=disturbed, gone_s=slowest, rss_mib=memory.growth)

    assert len(gone) == 2 * SLOW
    assert slowest <= GONE_S
    assert memory.growth <= RSS_MIB
    assert disturbed <= max(1.5 * calm_s, DELAY_S)
    leave_nothing(embedded, crowd, before)


def stop_reading(server: Watchfloor, crowd: Crowd) -> dict[Member, float]:
    """Silent ones, and ones that go on sending: how long after their last read the server had got rid of each."""
    slow = crowd.invite([address(server)] * (2 * SLOW), receive_buffer=SMALL_BUFFER)
    crowd.gather(slow)
    stopped, gone = time.monotonic(), {}
    for member in slow:
        member.stop_reading()
    trickling = slow[SLOW:]
    for member in trickling:
        member.send_raw(ENDLESS)
    end = repeatedly(lambda: [member.send_raw(b"x") for member in trickling], 1.0)
    while time.monotonic() < stopped + RUN_S or (len(gone) < len(slow) and time.monotonic() < stopped + GONE_S + 5):
        here, now = peers(server), time.monotonic()
        gone |= {member: now - stopped for member in slow if member not in gone and member.local_port not in here}
        time.sleep(0.2)
    end()
    return gone


def leave_nothing(server: Watchfloor, crowd: Crowd, before: dict[str, float]) -> None:
    """Everybody leaves: no socket, no task and no seat in the roster is left, apart from the one that asks."""
    seen: list[dict] = []
    crowd.go_home(list(crowd.members))
    until(lambda: figures(server)["watchfloor_sockets"] == 0, SETTLE_S, "no socket is left")
    until(lambda: not peers(server), SETTLE_S, "no connection is left")
    until(lambda: figures(server)["watchfloor_tasks"] <= before["watchfloor_tasks"], SETTLE_S, "no task is left")
    crowd.gather(crowd.invite([address(server, program=True)], hear=lambda text, at: seen.append(json.loads(text))))
    counts = [event for event in seen if event["type"] == "online_count"]
    assert (counts[-1]["count"], counts[-1]["tabs"], counts[-1]["guests"]) == (0, 1, 1)


class Flood:
    """One client that sends as fast as the server takes it, and comes back a second after it was thrown out.

    `codes` are the close codes it was thrown out with (None: the connection broke), `longest_s` the longest that it
    was let in.
    """

    def __init__(self, server: Watchfloor, opening: bytes, data: bytes, *, reads: bool) -> None:
        self._address, self._opening, self._data, self._reads = address(server), opening, data, reads
        self.codes: list[int | None] = []
        self.longest_s = 0.0

    def run(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            started = time.monotonic()
            with contextlib.suppress(OSError):
                self._once(ends)
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            time.sleep(min(1.0, max(0.0, ends - time.monotonic())))

    def _once(self, ends: float) -> None:
        self.codes.append(None)
        with socket.create_connection(("127.0.0.1", self._address.port), 5) as plug:
            plug.sendall(self._address.handshake())
            incoming = _after_handshake(plug)
            plug.sendall(self._opening)
            plug.setblocking(False)
            unsent = self._data
            while time.monotonic() < ends:
                readable, writable, _ = select.select([plug] if self._reads else [], [plug], [], 0.5)
                if readable and self._is_told_to_go(incoming, plug.recv(65536)):
                    return
                if writable:
                    try:
                        unsent = unsent[plug.send(unsent) :] or self._data
                    except OSError:
                        self._hear_out(plug, incoming)
                        return
            self.codes.pop()  # Nobody ended this one.

    def _hear_out(self, plug: socket.socket, incoming: Incoming) -> None:
        """What was said before the connection broke."""
        while self._reads and not self._is_told_to_go(incoming, plug.recv(65536)):
            pass

    def _is_told_to_go(self, incoming: Incoming, data: bytes) -> bool:
        for opcode, payload in incoming.frames(data):
            if opcode == CLOSE:
                self.codes[-1] = int.from_bytes(payload[:2])
        return not data or self.codes[-1] is not None


def _after_handshake(plug: socket.socket) -> Incoming:
    head = b""
    while b"\r\n\r\n" not in head:
        head += plug.recv(1)
    return Incoming()


FLOODS = {
    "messages": (b"", frame(b'{"a":"b"}') * 4000),
    "pings": (b"", frame(b"x" * 8, PING) * 4000),
    "pieces": (frame(b"{", last=False), frame(b"", opcode=0, last=False) * 8000),
}


EVERY = [(kind, reads) for kind in FLOODS for reads in (True, False)]
SOME = [("messages", True), ("pings", False), ("pieces", True)]


@pytest.mark.parametrize("kind, reads", sized(SOME, EVERY))
def test_a_flood_is_stopped_and_nobody_else_notices(embedded, people, crowd, kind, reads):
    audience = Audience(crowd, address(embedded), HEALTHY)
    flood = Flood(embedded, *FLOODS[kind], reads=reads)
    with Highest(lambda: rss_mib(embedded)) as memory, pushing(embedded, people, f"flood-{kind}-{reads}-") as said:
        flood.run(FLOOD_S)
    until(lambda: audience.have_all(said()), SETTLE_S, "everybody has everything")
    delay = percentile(audience.delays(), PERCENT)
    report(f"flood of {kind}", delay_s=delay, rss_mib=memory.growth, longest_s=flood.longest_s, ends=len(flood.codes))

    assert memory.growth <= FLOOD_RSS_MIB
    assert delay <= FLOOD_DELAY_S
    assert flood.longest_s <= CLOSED_S
    assert not reads or set(flood.codes) == {4008}
