"""What the kinds of fetched sources have in common."""

from __future__ import annotations

import pytest

from metrics.sources.models import Pull, Source
from metrics.sources.pulling import MODULES, call_of, keep_of, puller_of

NOW = 1_795_154_400_000
OWN = {Source.Kind.PUSH, Source.Kind.HOST, Source.Kind.OWN}


def test_every_kind_is_fetched_or_fills_itself():
    assert set(MODULES) | OWN == set(Source.Kind)


@pytest.mark.parametrize("kind", MODULES)
def test_each_kind_that_is_fetched_can_be_fetched_checked_and_stored(kind):
    puller = puller_of(kind)
    assert callable(puller.pull)
    assert callable(keep_of(kind))
    assert puller.check


@pytest.mark.parametrize("kind", OWN)
def test_a_kind_that_is_not_fetched_has_no_puller(kind):
    with pytest.raises(KeyError):
        puller_of(kind)


def test_what_is_fetched_follows_the_rules_of_what_is_sent():
    source = Source(pk=7, name="shop", kind=Source.Kind.HTTP, labels={"site": "riga", "empty": ""})
    call = call_of(Pull(source=source), NOW)
    assert (call.sender.id, call.sender.labels, call.now) == (7, (("site", "riga"),), NOW)
    assert call.oldest < NOW
