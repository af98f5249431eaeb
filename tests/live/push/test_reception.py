"""Who is looked up together, and how long somebody waits for others."""

from __future__ import annotations

import asyncio

import pytest

from live.push import reception
from live.push.reception import Admission, Claim, Reception


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """How many claims each question was about."""
    sizes: list[int] = []

    async def in_pool(_work, claims):
        sizes.append(len(claims))
        return [Admission()] * len(claims)

    monkeypatch.setattr(reception, "in_pool", in_pool)
    monkeypatch.setattr(reception, "GATHER_S", 0.02)
    return sizes


async def arrive(desk: Reception, after: float) -> float:
    """Come after so many seconds; how long it took to be admitted."""
    await asyncio.sleep(after)
    came = asyncio.get_running_loop().time()
    await desk.admit(Claim({}, "page", list))
    return asyncio.get_running_loop().time() - came


async def come(*times: float) -> list[float]:
    desk = Reception()
    return await asyncio.gather(*(arrive(desk, time) for time in times))


def test_somebody_alone_waits_once(asked):
    (waited,) = asyncio.run(come(0))
    assert asked == [1]
    assert waited >= 0.02


def test_a_storm_is_one_question(asked):
    asyncio.run(come(*(number / 1000 for number in range(30))))
    assert asked == [30]


def test_those_who_keep_coming_do_not_make_the_first_wait_for_ever(asked):
    waited = asyncio.run(come(*(number / 100 for number in range(60))))
    assert len(asked) > 1
    assert max(waited) < 0.4


def test_who_comes_while_others_are_asked_about_is_next(asked, monkeypatch):
    monkeypatch.setattr(reception, "AT_ONCE", 2)
    asyncio.run(come(0, 0, 0))
    assert asked == [2, 1]


async def test_when_it_closes_those_at_the_door_are_told_to_come_back(asked):
    desk = Reception()
    waiting = [asyncio.create_task(desk.admit(Claim({}, "page", list))) for _ in range(3)]
    await asyncio.sleep(0)
    await desk.close()
    assert [(await one).refusal for one in waiting] == ["restart"] * 3
    assert (await desk.admit(Claim({}, "page", list))).refusal == "restart"
    assert asked == []
