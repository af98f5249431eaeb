from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Frame as ReferenceFrame
from websockets.frames import Opcode

from live.push.writers import HIGH_WATER, AsgiWriter, Frame, ReadyWriter


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 70000])
def test_a_ready_frame_is_the_same_bytes_as_a_library_makes(size):
    text = "ж" * (size // 2) + "x" * (size % 2)
    assert len(text.encode()) == size
    assert Frame(text).wire == ReferenceFrame(Opcode.TEXT, text.encode()).serialize(mask=False)


def test_a_frame_is_encoded_once_for_everybody():
    frame = Frame("hello")
    assert frame.wire is frame.wire


def test_a_ready_writer_is_full_above_the_high_water_mark():
    held = 0
    writer = ReadyWriter({"write": lambda data: None, "buffered": lambda: held, "abort": lambda: None})
    held = HIGH_WATER
    assert not writer.is_full()
    held += 1
    assert writer.is_full()


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
