"""From firing to resolved: one announcement for each alert, for as long as it fires."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from live.announcements.models import Announcement
from live.announcements.verbs import change, remove, withdraw
from live.clock import to_ms
from live.push import signals
from metrics.hooks.alerts import Alert
from metrics.hooks.endpoints import ENDPOINTS
from metrics.hooks.models import Hooked
from metrics.hooks.verbs import STANDING, tell
from metrics.ingest.calls import Call, Sender
from metrics.sources.models import Source
from tests.metrics.hooks.conftest import NOW
from tests.metrics.hooks.payloads import alertmanager, probe

ADDRESS = "/hooks/alertmanager"
HOUR = timedelta(hours=1)
FIRING, RESOLVED = alertmanager(probe()), alertmanager(probe("resolved"))


def standing(at=NOW):
    return list(Announcement.objects.standing(at).order_by("pk"))


def titles(at=NOW):
    return [announcement.title for announcement in standing(at)]


def test_an_alert_that_fires_is_announced_in_the_name_of_its_source(told):
    assert told(ADDRESS, FIRING) == {"announced": 1, "ended": 0}
    (announcement,) = standing()
    assert (announcement.title, announcement.severity) == ("shop.example.org does not answer", "critical")
    assert (announcement.author, announcement.author_name) == (None, "shop")
    assert announcement.starts_at == datetime(2026, 2, 6, 13, 8, 45, tzinfo=UTC)
    assert announcement.expires_at is None


def test_firing_again_changes_nothing(told):
    told(ADDRESS, FIRING)
    before = standing()[0].changed_at
    assert told(ADDRESS, FIRING, at=NOW + HOUR) == {"announced": 0, "ended": 0}
    assert [announcement.changed_at for announcement in standing()] == [before]


def test_firing_in_other_words_changes_the_announcement(told):
    told(ADDRESS, FIRING)
    (before,) = standing()
    worse = probe(annotations={"summary": "still down"}, labels={"severity": "info"})
    assert told(ADDRESS, alertmanager(worse)) == {"announced": 1, "ended": 0}
    (after,) = standing()
    assert (after.pk, after.title, after.severity) == (before.pk, "still down", "info")
    assert after.starts_at == before.starts_at


def test_a_resolved_alert_is_withdrawn(told):
    told(ADDRESS, FIRING)
    assert told(ADDRESS, RESOLVED) == {"announced": 0, "ended": 1}
    assert standing() == []
    assert Announcement.objects.get().withdrawn_at


def test_resolving_twice_or_what_never_fired_ends_nothing(told):
    assert told(ADDRESS, RESOLVED) == {"announced": 0, "ended": 0}
    told(ADDRESS, FIRING)
    assert [told(ADDRESS, RESOLVED)["ended"] for _ in range(2)] == [1, 0]


def test_firing_after_it_was_resolved_is_another_announcement(told):
    for document in (FIRING, RESOLVED, FIRING):
        told(ADDRESS, document)
    assert Announcement.objects.count() == 2
    assert titles() == ["shop.example.org does not answer"]


def test_each_alert_of_a_group_is_announced_and_ended_by_itself(told):
    told(ADDRESS, alertmanager(probe(instance="a"), probe(instance="b")))
    assert titles() == ["a does not answer", "b does not answer"]
    assert told(ADDRESS, alertmanager(probe("resolved", instance="a"), probe(instance="b")))["ended"] == 1
    assert titles() == ["b does not answer"]


def test_the_same_fingerprint_of_two_sources_is_two_alerts(told, shop):
    other = Source.objects.create(name="warehouse")
    told(ADDRESS, FIRING)
    told(ADDRESS, FIRING, source=other)
    told(ADDRESS, RESOLVED, source=other)
    assert [announcement.author_name for announcement in standing()] == ["shop"]


def test_of_an_alert_that_comes_twice_the_last_counts(told):
    assert told(ADDRESS, alertmanager(probe(), probe("resolved"))) == {"announced": 0, "ended": 0}
    assert told(ADDRESS, alertmanager(probe("resolved"), probe())) == {"announced": 1, "ended": 0}


def test_what_somebody_ended_by_hand_stays_ended_while_it_goes_on_firing(told):
    told(ADDRESS, FIRING)
    withdraw(standing()[0])
    assert told(ADDRESS, FIRING, at=NOW + HOUR) == {"announced": 0, "ended": 0}
    assert standing() == []
    assert told(ADDRESS, RESOLVED) == {"announced": 0, "ended": 0}
    assert told(ADDRESS, FIRING) == {"announced": 1, "ended": 0}


def test_what_fires_anew_after_it_was_ended_by_hand_is_announced_even_if_the_end_was_never_told(told):
    told(ADDRESS, FIRING)
    (ended,) = standing()
    withdraw(ended)
    ended.refresh_from_db()
    later = ended.withdrawn_at + HOUR
    assert told(ADDRESS, alertmanager(probe(startsAt=later.isoformat())), at=later + HOUR)["announced"] == 1
    assert len(standing()) == 1


def test_what_has_no_start_and_was_ended_by_hand_is_announced_when_it_comes_again(told):
    """Nothing tells whether it is the same event, and a new one must not go unseen."""
    event = {"title": "Backup failed"}
    told("/hooks/json/backup", event)
    withdraw(standing()[0])
    assert told("/hooks/json/backup", event) == {"announced": 1, "ended": 0}


def test_an_announcement_that_expired_stays_so(told):
    told(ADDRESS, FIRING)
    (announcement,) = standing()
    announcement.expires_at = NOW + HOUR
    change(announcement)
    assert told(ADDRESS, FIRING, at=NOW + 2 * HOUR)["announced"] == 0
    assert told(ADDRESS, RESOLVED, at=NOW + 2 * HOUR)["ended"] == 0


def test_an_announcement_that_was_removed_is_made_anew(told):
    told(ADDRESS, FIRING)
    remove(standing()[0])
    assert told(ADDRESS, FIRING)["announced"] == 1


@pytest.mark.parametrize(
    "starts_at", ["0001-01-01T00:00:00Z", "soon", None, "2026-11-20T07:00:00Z", "9999-12-31T23:59:59-10:00"]
)
def test_a_start_that_is_unknown_or_yet_to_come_is_now(told, starts_at):
    told(ADDRESS, alertmanager(probe(startsAt=starts_at)))
    assert Announcement.objects.get().starts_at == NOW


def test_there_is_room_for_so_many_and_the_most_urgent_come_first(post, told):
    many = [probe(instance=f"{n:02}", labels={"severity": "info"}) for n in range(STANDING)]
    answer = told(ADDRESS, alertmanager(*many, probe(instance="urgent")))
    assert answer == {"announced": STANDING, "ended": 0, "left_out": 1}
    assert "urgent does not answer" in titles()
    assert len(titles()) == STANDING
    freed = alertmanager(probe(instance="next"), probe("resolved", instance="urgent"))
    assert told(ADDRESS, freed) == {"announced": 1, "ended": 1}


def test_a_source_that_is_gone_tells_nothing(shop):
    sender = Sender(shop.pk, shop.name)
    shop.delete()
    tell(sender, [Alert("x", True, "x")], NOW)
    assert not Announcement.objects.exists()


def test_the_pages_are_told_when_and_only_when_something_changed(told, django_capture_on_commit_callbacks):
    def topics(document):
        heard: list[str] = []
        signals.deliver_to(heard.extend)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                told(ADDRESS, document)
        finally:
            signals.deliver_to(None)
        return set(heard)

    both = {"announcements.all", "schedule.all"}
    assert [topics(one) for one in (FIRING, FIRING, RESOLVED, RESOLVED)] == [both, set(), both, set()]


def test_the_cost_of_a_repeated_group_is_constant(told, django_assert_max_num_queries):
    group = alertmanager(*(probe(instance=str(n)) for n in range(20)))
    told(ADDRESS, group)
    with django_assert_max_num_queries(5):
        told(ADDRESS, group)


def test_an_ended_source_takes_its_alerts_with_it_and_leaves_the_announcements(told, shop):
    told(ADDRESS, FIRING)
    shop.delete()
    assert not Hooked.objects.exists()
    assert titles() == ["shop.example.org does not answer"]
    assert to_ms(standing()[0].starts_at) < to_ms(NOW)


def test_what_is_left_out_is_counted_and_named(shop):
    (endpoint,) = [endpoint for endpoint in ENDPOINTS if endpoint.name == "hook_alertmanager"]
    group = json.dumps(alertmanager(*(probe(instance=f"{n:02}") for n in range(STANDING + 2)))).encode()
    taken = endpoint.take(Call("POST", ADDRESS, {}, {}, group, Sender(shop.pk, shop.name), to_ms(NOW), 0))
    assert dict(taken.rejected) == {"no_room": 2}
    assert taken.error == "50 does not answer: not announced, since 50 announcements of the source stand already"
