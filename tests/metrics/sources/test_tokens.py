from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.utils import timezone

from metrics.ingest.calls import Sender
from metrics.sources.models import Source, SourceToken
from metrics.sources.tokens import CACHE_S, TokenCache, find_sender, make_source_token, revoke_source_token

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lookups():
    """A cache with a clock that stands, over a table of tokens; `asked` lists the look-ups."""

    class Lookups(dict):
        asked: list = []
        now = 1_000.0

        def find(self, token):
            self.asked.append(token)
            answer = self.get(token)
            if isinstance(answer, Exception):
                raise answer
            return answer

    lookups = Lookups(wfs_good=7)
    lookups.asked = []
    lookups.cache = TokenCache(lookups.find, lambda: lookups.now)
    return lookups


def test_a_token_has_a_mark_and_256_random_bits(shop):
    tokens = {make_source_token(shop) for _ in range(20)}
    assert len(tokens) == 20
    assert all(re.fullmatch(r"wfs_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_a_token_lets_its_source_in(shop):
    other = Source.objects.create(name="other")
    token, others = make_source_token(shop), make_source_token(other)
    assert (find_sender(token), find_sender(others)) == (Sender(shop.pk, "shop"), Sender(other.pk, "other"))


def test_a_token_brings_the_labels_and_the_rate_of_its_source(shop):
    shop.labels, shop.rate_limit = {"site": "riga", "empty": "", "a": "1"}, 500
    shop.save()
    assert find_sender(make_source_token(shop)) == Sender(shop.pk, "shop", (("a", "1"), ("site", "riga")), 500)


@pytest.mark.parametrize("labels", [{"a\n": "1"}, {f"l{n}": "1" for n in range(31)}])
def test_labels_that_no_sender_may_send_are_not_added(shop, labels):
    Source.objects.update(labels=labels)
    assert find_sender(make_source_token(shop)).labels == ()


def test_the_database_does_not_hold_the_token(shop):
    token = make_source_token(shop, "till 3")
    row = SourceToken.objects.values().get()
    assert token not in str(row)
    assert token.startswith(row["prefix"])
    assert (row["name"], len(row["prefix"]), len(row["digest"])) == ("till 3", 10, 64)


def test_two_tokens_of_a_source_are_valid_together_and_revoked_apart(shop):
    old, new = make_source_token(shop), make_source_token(shop)
    revoke_source_token(SourceToken.objects.order_by("pk").first())
    assert (find_sender(old), find_sender(new)) == (None, Sender(shop.pk, "shop"))


def test_revoking_again_keeps_the_first_time(shop):
    make_source_token(shop)
    token = SourceToken.objects.get()
    revoke_source_token(token)
    first = SourceToken.objects.get().revoked_at
    revoke_source_token(token)
    assert SourceToken.objects.get().revoked_at == first


@pytest.mark.parametrize("wrong", ["", "wfs_", "wfs_wrong", "WFS_", "x"])
def test_another_token_lets_nobody_in(shop, wrong):
    make_source_token(shop)
    assert find_sender(wrong) is None


@pytest.mark.parametrize("kind", [Source.Kind.HOST, Source.Kind.OWN])
def test_a_source_that_we_fill_ourselves_gets_no_token(db, kind):
    with pytest.raises(ValidationError):
        make_source_token(Source.objects.create(name="ours", kind=kind))


@pytest.mark.parametrize("seconds, written", [(59, False), (61, True)])
def test_its_use_is_written_once_a_minute(shop, seconds, written):
    token = make_source_token(shop)
    before = timezone.now() - timedelta(seconds=seconds)
    SourceToken.objects.update(last_used_at=before)
    find_sender(token)
    assert (SourceToken.objects.get().last_used_at != before) == written


def test_its_first_use_is_written(shop):
    token = make_source_token(shop)
    find_sender(token)
    assert SourceToken.objects.get().last_used_at is not None


async def test_a_stream_of_requests_costs_one_look_up(lookups):
    assert [await lookups.cache.sender_of("wfs_good") for _ in range(5)] == [7] * 5
    assert lookups.asked == ["wfs_good"]


@pytest.mark.parametrize("seconds, source", [(CACHE_S - 0.1, 7), (CACHE_S, None)])
async def test_a_revoked_token_is_refused_within_the_caches_time(lookups, seconds, source):
    await lookups.cache.sender_of("wfs_good")
    del lookups["wfs_good"]
    lookups.now += seconds
    assert await lookups.cache.sender_of("wfs_good") == source
    assert CACHE_S < 5


async def test_a_token_that_is_made_now_is_let_in_within_the_caches_time(lookups):
    assert await lookups.cache.sender_of("wfs_new") is None
    lookups["wfs_new"] = 8
    lookups.now += CACHE_S
    assert await lookups.cache.sender_of("wfs_new") == 8


@pytest.mark.parametrize("strange", ["", "good", "Wfs_good", "wfs_ü", "wfs_\udc80", "wfs_" + "x" * 100])
async def test_what_cannot_be_a_token_costs_no_look_up(lookups, strange):
    assert await lookups.cache.sender_of(strange) is None
    assert lookups.asked == []


async def test_a_database_that_fails_is_not_remembered_as_a_refusal(lookups):
    lookups["wfs_good"] = OperationalError()
    with pytest.raises(OperationalError):
        await lookups.cache.sender_of("wfs_good")
    lookups["wfs_good"] = 7
    assert await lookups.cache.sender_of("wfs_good") == 7


async def test_a_flood_of_wrong_tokens_does_not_fill_the_memory(lookups, monkeypatch):
    monkeypatch.setattr("metrics.sources.tokens.CACHE_SIZE", 10)
    for n in range(35):
        await lookups.cache.sender_of(f"wfs_{n}")
    assert len(lookups.cache._known) <= 10
