from __future__ import annotations

import pytest

from metrics.ingest.calls import Outcome
from metrics.ingest.outcomes import outcomes
from metrics.series.storing import Stored, store
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)


def stored_together(*shares):
    return outcomes(store([one for share in shares for one in share]), shares)


@pytest.fixture
def samples(shop):
    """`samples(1, 2)`: readings of a second each."""
    return lambda *seconds, metric="orders": [reading(shop.pk, T0 + n * 1_000, n, metric=metric) for n in seconds]


def test_a_share_of_new_samples_is_new(samples):
    assert stored_together(samples(1, 2), samples(3)) == [Outcome(2), Outcome(1)]


def test_the_first_of_a_transaction_has_the_time_and_the_others_are_duplicates(samples):
    assert stored_together(samples(1, 2), samples(2, 3), samples(1, 1)) == [Outcome(2), Outcome(1, 1), Outcome(0, 2)]


def test_what_was_there_before_is_the_duplicate_of_whoever_sent_it(samples):
    stored_together(samples(1, 2))
    assert stored_together(samples(3), samples(1, 2, 4)) == [Outcome(1), Outcome(1, 2)]


def test_what_has_no_room_is_told_with_an_example(shop, samples):
    shop.series_limit = 1
    shop.save()
    new = samples(1, 2, metric="new")
    assert stored_together(samples(1), new, samples(1, 2)) == [
        Outcome(1),
        Outcome(refused=2, example=new[0].identity),
        Outcome(1, 1),
    ]


def test_what_was_too_old_is_told_to_those_who_sent_it(samples):
    old, young = samples(1, 2), samples(3)
    identity = young[0].identity
    result = Stored(new=1, rows=[(5, young[0].ts)], ids={identity: 5}, too_old={identity: 2})
    assert outcomes(result, [[*young, old[0]], old[1:]]) == [Outcome(1, too_old=1), Outcome(too_old=1)]
