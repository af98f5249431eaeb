from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from django.db import OperationalError

from metrics.ingest.calls import Reason
from metrics.sources import rejections as module
from metrics.sources.models import Rejection, Source
from metrics.sources.rejections import EXAMPLE, Rejections

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rejections():
    return Rejections()


def rows():
    columns = ("source__name", "reason", "samples", "example")
    return sorted(Rejection.objects.values_list(*columns))


def test_they_add_up_by_source_and_reason_and_the_last_example_stays(shop, rejections):
    other = Source.objects.create(name="other")
    rejections.note(shop.pk, Counter({Reason.NOT_FINITE: 2, Reason.BAD_NAME: 1}), "line 1: first")
    rejections.note(other.pk, {Reason.NOT_FINITE: 5}, "line 9")
    rejections.write()
    rejections.note(shop.pk, {Reason.NOT_FINITE: 3}, "line 2: second")
    rejections.write()
    assert rows() == [
        ("other", Reason.NOT_FINITE, 5, "line 9"),
        ("shop", Reason.BAD_NAME, 1, "line 1: first"),
        ("shop", Reason.NOT_FINITE, 5, "line 2: second"),
    ]
    assert rejections.totals == {Reason.NOT_FINITE: 10, Reason.BAD_NAME: 1}


def test_the_sentence_is_the_sources_last_error(shop, rejections):
    rejections.note(shop.pk, {Reason.BAD_NAME: 1}, "x" * 5_000)
    rejections.write()
    shop.refresh_from_db()
    assert shop.last_error == "x" * EXAMPLE + "…"
    assert abs(shop.last_error_at.timestamp() - time.time()) < 5


def test_a_sentence_that_quotes_what_no_database_keeps_is_kept_without_it(shop, rejections):
    rejections.note(shop.pk, {Reason.BAD_NAME: 1}, "a\x00b\ud800c\nd")
    rejections.write()
    assert rows() == [("shop", Reason.BAD_NAME, 1, "a�b�c�d")]


def test_what_is_no_error_leaves_the_last_one_as_it_is(shop, rejections):
    rejections.note(shop.pk, {Reason.DUPLICATE: 7}, "")
    rejections.write()
    shop.refresh_from_db()
    assert (shop.last_error, shop.last_error_at) == ("", None)
    assert rows() == [("shop", Reason.DUPLICATE, 7, "")]


def test_nothing_noted_is_nothing_written(shop, rejections, django_assert_num_queries):
    rejections.note(shop.pk, {Reason.DUPLICATE: 0}, "")
    with django_assert_num_queries(0):
        rejections.write()


def test_a_source_that_is_gone_does_not_keep_the_others_from_being_written(shop, rejections):
    rejections.note(shop.pk + 1_000, {Reason.BAD_NAME: 1}, "a")
    rejections.note(shop.pk, {Reason.BAD_NAME: 1}, "b")
    rejections.write()
    rejections.write()
    assert rows() == [("shop", Reason.BAD_NAME, 1, "b")]


def test_what_the_database_does_not_take_is_kept_for_the_next_time(shop, rejections, monkeypatch):
    def fail(counts, examples):
        raise OperationalError

    rejections.note(shop.pk, {Reason.BAD_NAME: 1}, "old")
    with monkeypatch.context() as away:
        away.setattr(module, "_write", fail)
        with pytest.raises(OperationalError):
            rejections.write()
    rejections.note(shop.pk, {Reason.BAD_NAME: 2}, "")
    rejections.write()
    assert rows() == [("shop", Reason.BAD_NAME, 3, "old")]


def test_a_database_that_stays_away_does_not_fill_the_memory(shop, rejections, monkeypatch):
    monkeypatch.setattr(module, "WAITING", 3)
    for source in range(10):
        rejections.note(source, {Reason.BAD_NAME: 1}, "x")
    assert len(rejections._counts) == 3
    assert rejections.totals == {Reason.BAD_NAME: 10}


async def test_they_are_written_by_themselves(shop, rejections, monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    rejections.start()
    rejections.note(shop.pk, {Reason.BAD_NAME: 1}, "a")
    for _ in range(500):
        if await Rejection.objects.aexists():
            break
        await asyncio.sleep(0.01)
    else:
        raise AssertionError("nothing was written within 5 s")
    await rejections.stop()


async def test_what_is_left_at_the_end_is_written(shop, rejections):
    rejections.start()
    rejections.note(shop.pk, {Reason.BAD_NAME: 1}, "a")
    await rejections.stop()
    assert await Rejection.objects.acount() == 1
