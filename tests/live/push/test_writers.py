from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Frame as ReferenceFrame
from websockets.frames import Opcode

from live.push.writers import AsgiWriter, Frame, ReadyWriter


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 70000])
def test_a_ready_frame_is_the_same_bytes_as_a_library_makes(size):
    text = "ж" * (size // 2) + "x" * (size % 2)
    assert len(text.encode()) == size
    assert Frame(text).wire == ReferenceFrame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_a_frame_is_encoded_once_for_everybody():
    frame = Frame("hello")
    assert frame.wire is frame.wire


class Wire(asyncio.Transport):
    """Remembers what was written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closing = False

    def write(self, data):
        self.written.append(bytes(data))

    def is_closing(self):
        return self.closing


def test_what_goes_ahead_leaves_with_the_first_frame_or_by_itself():
    wire = Wire()
    first, second = ReadyWriter(wire), ReadyWriter(wire)
    first.ahead = second.ahead = b"101 "
    first.write(Frame("a"))
    first.write(Frame("b"))
    second.write_ahead()
    second.write_ahead()
    assert wire.written == [b"101 " + Frame("a").wire, Frame("b").wire, b"101 "]


@pytest.mark.parametrize("flag", ["sealed", "closing"])
def test_nothing_is_written_after_the_goodbye(flag):
    wire = Wire()
    writer = ReadyWriter(wire)
    setattr(writer if flag == "sealed" else wire, flag, True)
    writer.write(Frame("late"))
    assert wire.written == []


async def test_a_server_that_takes_a_message_at_once_costs_no_task():
    sent = []

    async def send(message):
        sent.append(message["text"])

    before = asyncio.all_tasks()
    writer = AsgiWriter(send)
    writer.write(Frame("a"))
    writer.write(Frame("b"))
    assert sent == ["a", "b"]
    assert asyncio.all_tasks() == before
    assert not writer.is_full()


async def test_a_server_that_makes_the_sender_wait_makes_the_socket_count_as_full():
    gate = asyncio.Event()
    sent = []

    async def send(message):
        await gate.wait()
        await asyncio.sleep(0)
        sent.append(message["text"])

    writer = AsgiWriter(send)
    writer.write(Frame("slow"))
    assert writer.is_full()
    gate.set()
    async with asyncio.timeout(5):
        while writer.is_full():
            await asyncio.sleep(0)
    assert sent == ["slow"]


async def test_a_send_that_waits_can_be_given_up():
    async def send(message):
        await asyncio.Event().wait()

    writer = AsgiWriter(send)
    writer.write(Frame("never"))
    writer.abort()
    async with asyncio.timeout(5):
        while writer.is_full():
            await asyncio.sleep(0)


async def test_a_peer_that_is_gone_raises_nothing():
    async def gone(message):
        raise OSError("gone")

    async def gone_later(message):
        await asyncio.sleep(0)
        raise OSError("gone")

    AsgiWriter(gone).write(Frame("x"))
    writer = AsgiWriter(gone_later)
    writer.write(Frame("x"))
    async with asyncio.timeout(5):
        while writer.is_full():
            await asyncio.sleep(0)
