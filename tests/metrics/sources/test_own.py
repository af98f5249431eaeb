from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async

from metrics.sources import own as owns
from metrics.sources.models import Source
from metrics.sources.own import OwnFigures

pytestmark = pytest.mark.django_db(transaction=True)


class Paper:
    """A writer that keeps what it is given."""

    def __init__(self):
        self.stored = 0
        self.written = []

    async def write(self, taken):
        self.written.append(taken.readings)
        self.stored += len(taken.readings)


@pytest.fixture
def clock(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(owns, "monotonic", lambda: now[0])
    return now


def figures_of(totals, clock, *, stored=0):
    """The figures two seconds after the totals were 3 sockets and 100 fragments, with nothing stored."""
    paper, state = Paper(), {"sockets": 3, "fragments": 100}
    own = OwnFigures(lambda: state, paper, "first")
    own.figures()
    clock[0] += 2
    paper.stored = stored
    state.clear()
    state.update(totals)
    return own.figures()


def test_the_first_call_gives_no_rates(clock):
    assert OwnFigures(lambda: {"sockets": 3, "fragments": 100}, Paper(), "first").figures() == {"sockets": 3}


def test_sockets_are_counted_and_the_others_are_per_second(clock):
    figures = figures_of({"sockets": 5, "fragments": 150}, clock, stored=30)
    assert figures == {"sockets": 5, "fragments": 25.0, "samples": 15.0}


def test_samples_that_others_stored_count_too(clock):
    assert figures_of({"sockets": 3, "samples": 10}, clock, stored=30)["samples"] == 20.0


def test_a_total_that_began_anew_shows_no_negative_rate(clock):
    assert figures_of({"sockets": 0, "fragments": 1}, clock)["fragments"] == 0.0


async def test_the_figures_carry_the_name_of_the_process():
    paper = Paper()
    own = OwnFigures(lambda: {"sockets": 3, "fragments": 0}, paper, "first")
    await own.write_once()
    await own.write_once()
    source = await sync_to_async(Source.objects.get)(name="watchfloor")
    assert (source.name, source.kind) == ("watchfloor", Source.Kind.OWN)
    assert {reading.identity for reading in paper.written[1]} == {
        (source.pk, f"watchfloor.{name}", (("process", "first"),)) for name in ("sockets", "fragments", "samples")
    }
    assert {reading.unit for reading in paper.written[1]} == {"", "1/s"}


async def test_they_are_written_every_second_on_the_second():
    paper = Paper()
    own = OwnFigures(lambda: {"sockets": 3}, paper, "first")
    own.start()
    own.start()
    await asyncio.sleep(2.2)
    await own.stop()
    times = [readings[0].ts for readings in paper.written]
    assert len(times) in (2, 3)
    assert all(ts % 1_000 == 0 for ts in times)
    assert len(set(times)) == len(times)
    await asyncio.sleep(1.1)
    assert len(paper.written) == len(times)


async def test_a_second_that_fails_does_not_end_the_others():
    class Broken(Paper):
        async def write(self, readings):
            await super().write(readings)
            raise RuntimeError

    paper = Broken()
    own = OwnFigures(lambda: {"sockets": 3}, paper, "first")
    own.start()
    await asyncio.sleep(2.2)
    await own.stop()
    assert len(paper.written) in (2, 3)
