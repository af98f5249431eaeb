"""What is shown as sent is stored: six people write while the server and the database are killed again and again."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter

from tests.faults.crowd import until
from tests.faults.dom import SHOWN
from tests.faults.measuring import report
from tests.faults.shown import Shown
from tests.faults.sizes import sized
from tests.faults.stack import Stack, coming_back, socket_of
from tests.faults.writing import NOTE, Writer

ROOM = "durable"
SERVER_KILLS = sized(2, 20, 200)
DATABASE_KILLS = sized(1, 5, 50)
MESSAGES = sized(250, 10_000, 100_000)
SQL = (
    "SELECT seq, body FROM live_message JOIN live_room ON live_room.id = room_id "
    f"WHERE slug = '{ROOM}' AND kind = 'message'"
)
LINE = re.compile(rf'<li id="message-{ROOM}-(\d+)"')


class Reader(Shown):
    """An open page, and every line that it has ever shown: seq to the names that stood there."""

    def __init__(self) -> None:
        super().__init__()
        self.ever: dict[int, set[str]] = {}

    def hear(self, message: bytes, at: float) -> None:
        super().hear(message, at)
        for line in message.decode().split("<li ")[1:]:
            seq, name = LINE.match(f"<li {line}"), NOTE.search(line)
            if seq and name:
                self.ever.setdefault(int(seq[1]), set()).add(name[1])

    def order(self) -> list[int]:
        """The seqs of the lines that it shows, as they stand: sorted by id."""
        ids = [name for name in self.regions[f"#room-{ROOM}-log"] if name.startswith("message-")]
        return sorted(int(name.rpartition("-")[2]) for name in ids)


def test_what_is_shown_as_sent_is_stored_once_and_in_one_order(stack, crowd):
    readers = [open_page(stack, crowd, port) for port in (stack.apps[0].port, stack.apps[1].port) for _ in range(4)]
    crowd.gather(crowd.members)
    started = time.monotonic()
    with contextlib.ExitStack() as exits:
        writers = [exits.enter_context(Writer(stack.apps[0].port, ROOM, person)) for person in stack.people[:6]]
        break_in_turn(stack, writers)
    took = time.monotonic() - started
    until(lambda: all_show_the_same(stack, readers), 10, "all pages show the same")

    stored = {seq: NOTE.search(body)[1] for seq, body in stack.execute(SQL)}
    told = {name: seq for writer in writers for name, seq in writer.stored.items()}
    times = Counter(stored.values())
    shown = {(seq, name) for reader in readers for seq, names in reader.ever.items() for name in names}
    tries, retried = (
        sum(writer.tries for writer in writers),
        sum(writer.tries - len(writer.stored) for writer in writers),
    )
    report("durability", messages=len(told), seconds=took, tries=tries, retried=retried, kills=SERVER_KILLS)

    assert len(told) >= MESSAGES
    assert {(seq, name) for name, seq in told.items()} <= stored.items(), "told as stored, but lost"
    assert shown
    assert shown <= stored.items(), "shown, but not stored so"
    assert [name for name, count in times.items() if count > 1] == [], "stored twice"


def open_page(stack: Stack, crowd, port: int) -> Reader:
    page, reader = stack.page(f"/chat/{ROOM}/", port=port), Reader()
    crowd.invite([socket_of(page, port)], hear=reader.hear, coming_back=coming_back(page))
    return reader


def break_in_turn(stack: Stack, writers: list[Writer]) -> None:
    """A kill after every so many messages, now of the server, now of the database."""
    kills = SERVER_KILLS + DATABASE_KILLS
    database = {round((number + 0.5) * kills / DATABASE_KILLS) for number in range(DATABASE_KILLS)}
    for number in range(kills):
        enough = MESSAGES * (number + 1) // (kills + 1)
        until(lambda enough=enough: _stored(writers) >= enough, 60, f"{enough} messages are stored")
        victim = stack.postgres if number in database else stack.apps[0]
        victim.kill()
        victim.start()
    until(lambda: _stored(writers) >= MESSAGES, 60, "enough is stored")


def _stored(writers: list[Writer]) -> int:
    return sum(len(writer.stored) for writer in writers)


def all_show_the_same(stack: Stack, readers: list[Reader]) -> bool:
    """The newest lines, without a hole."""
    newest = sorted(seq for seq, _ in stack.execute(f"{SQL} ORDER BY seq DESC LIMIT {SHOWN}"))
    return all(reader.order()[-len(newest) :] == newest for reader in readers)
