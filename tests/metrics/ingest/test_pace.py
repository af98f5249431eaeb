from __future__ import annotations

import pytest

from metrics.ingest.calls import Sender
from metrics.ingest.pace import Pace

SLOW, FREE = Sender(1, "slow", rate_limit=100), Sender(2, "free")


@pytest.fixture
def pace(settings):
    settings.LIMITS = {**settings.LIMITS, "ingest_samples": 0}
    pace = Pace(lambda: pace.now)
    pace.now = 1_000.0
    return pace


def test_without_a_limit_as_many_are_taken_as_come(pace):
    pace.spend(FREE, 10**9)
    assert pace.refusal(FREE) == ""


def test_a_sender_that_spent_its_rate_is_refused_until_it_is_paid_off(pace):
    assert pace.refusal(SLOW) == ""
    pace.spend(SLOW, 250)
    assert pace.refusal(SLOW) == "slow may send 100 samples a second"
    pace.now += 1.5
    assert pace.refusal(SLOW), "150 are owed beyond the second's 100"
    pace.now += 0.02
    assert pace.refusal(SLOW) == ""
    assert pace.refusal(FREE) == ""


def test_a_quiet_time_saves_up_no_more_than_a_second(pace):
    pace.now += 3_600
    pace.spend(SLOW, 100)
    assert pace.refusal(SLOW)


def test_a_rate_that_is_changed_counts_from_now_on(pace):
    pace.spend(SLOW, 10_000)
    assert pace.refusal(SLOW._replace(rate_limit=50)) == ""
    assert pace.refusal(SLOW._replace(rate_limit=0)) == ""


def test_all_senders_together_have_a_limit_of_their_own(pace, settings):
    settings.LIMITS = {**settings.LIMITS, "ingest_samples": 1_000}
    pace.spend(FREE, 1_500)
    assert pace.refusal(FREE) == pace.refusal(SLOW) == "the server takes 1000 samples a second"
    pace.now += 0.6
    assert pace.refusal(FREE) == ""
