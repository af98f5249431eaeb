"""Announcements: written by staff, seen by everybody from the second they start to the second they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from live.announcements.models import Announcement
from live.announcements.topic import AnnouncementsTopic, ScheduleTopic
from live.announcements.verbs import announce, change, remove, withdraw
from live.clock import to_ms
from live.people import GUEST, load_person
from live.presence.roster import Roster
from live.push.healing import versions
from live.push.rights import read_audiences
from live.push.topics import Context

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BOTH = ["announcements.all", "schedule.all"]


@pytest.fixture
def write(alice):
    """`write("title", start, end)`: minutes from noon; no end is for good."""

    def write(title, start=0, end=None, *, severity="info"):
        announcement = Announcement(
            title=title,
            text=f"{title} in full",
            severity=severity,
            starts_at=NOON + start * MINUTE,
            expires_at=None if end is None else NOON + end * MINUTE,
        )
        announce(announcement, by=alice)
        return announcement

    return write


def load(at=NOON, topic=AnnouncementsTopic):
    return topic("all").load(Context(to_ms(at), Roster("tests")), None)


def titles(at=NOON, topic=AnnouncementsTopic):
    return [part.data.title for part in load(at, topic).regions[0].parts]


def test_an_announcement_shows_from_its_start_to_its_expiry(write):
    write("works", 1, 2)
    tick = timedelta(milliseconds=1)
    assert titles(NOON + MINUTE - tick) == []
    assert titles(NOON + MINUTE) == ["works"]
    assert titles(NOON + 2 * MINUTE - tick) == ["works"]
    assert titles(NOON + 2 * MINUTE) == []


def test_the_state_says_when_it_changes_by_the_clock(write):
    write("first", 1, 3)
    write("second", 2)
    moments = [NOON]
    while following := load(moments[-1]).next_change_at:
        moments.append(datetime.fromtimestamp(following / 1000, UTC))
    assert moments == [NOON, NOON + MINUTE, NOON + 2 * MINUTE, NOON + 3 * MINUTE]


def test_the_schedule_changes_when_something_starts(write):
    write("first", 1, 3)
    write("second", 2)
    assert titles(topic=ScheduleTopic) == ["first", "second"]
    assert load(topic=ScheduleTopic).next_change_at == to_ms(NOON + MINUTE)
    assert titles(NOON + MINUTE, ScheduleTopic) == ["second"]
    assert load(NOON + 2 * MINUTE, ScheduleTopic).next_change_at is None


def test_times_are_kept_in_whole_seconds(alice):
    now = timezone.now().replace(microsecond=999_999)
    announcement = Announcement(title="now", text="x", starts_at=now, expires_at=now + MINUTE)
    announce(announcement, by=alice)
    announcement.refresh_from_db()
    whole = now.replace(microsecond=0)
    assert (announcement.starts_at, announcement.expires_at) == (whole, whole + MINUTE)
    assert titles(now) == ["now"]


def test_the_most_urgent_comes_first_then_the_newest(write):
    write("old info", 0)
    write("warning", 0, severity="warning")
    write("new info", 1)
    write("critical", 0, severity="critical")
    assert titles(NOON + MINUTE) == ["critical", "warning", "new info", "old info"]


def test_the_same_notice_stands_in_three_places_and_is_one_event(write):
    notice = write("works", severity="warning")
    regions = load().regions
    ids = {region.target: [part.id for part in region.parts] for region in regions}
    assert ids == {
        "#banner": [f"banner-{notice.pk}"],
        "#announcements": [f"announcement-{notice.pk}"],
        "#announcements-now": [f"now-{notice.pk}"],
    }
    events = [part.event for region in regions for part in region.parts if part.event]
    assert events == [
        {
            "type": "notification",
            "id": notice.pk,
            "severity": "warning",
            "title": "works",
            "message": "works in full",
        }
    ]


def test_every_verb_tells_both_topics_and_raises_the_version(write, publishes):
    with publishes() as topics:
        notice = write("works")
    assert topics == BOTH
    for verb in (change, withdraw, remove):
        before = versions(BOTH)
        with publishes() as topics:
            verb(notice)
        assert topics == BOTH
        after = versions(BOTH)
        assert after.keys() == set(BOTH)
        assert all(int(after[name]) == int(before[name]) + 1 for name in BOTH)
        assert load().version == after["announcements.all"]
        assert load(topic=ScheduleTopic).version == after["schedule.all"]


def test_a_withdrawn_announcement_is_gone_and_stays_in_the_list_of_the_ended(write):
    notice = write("works")
    assert withdraw(notice)
    assert not withdraw(notice)
    assert titles() == []
    assert list(Announcement.objects.ended(NOON)) == [notice]


def test_an_announcement_is_either_standing_or_ended(write):
    write("for good")
    write("later", 60, 90)
    write("over", -2, -1)
    withdraw(write("withdrawn", 60))
    standing, ended = Announcement.objects.standing(NOON), Announcement.objects.ended(NOON)
    assert {one.title for one in standing} == {"for good", "later"}
    assert {one.title for one in ended} == {"over", "withdrawn"}


@pytest.mark.parametrize("end, lasts", [(-1, False), (0, False), (1, True)])
def test_it_must_end_after_it_starts(write, end, lasts):
    if lasts:
        assert write("works", 0, end).pk
    else:
        with pytest.raises(ValidationError):
            write("works", 0, end)


def test_the_author_is_named_after_the_account_is_gone(write, alice):
    write("works")
    alice.delete()
    assert load().regions[0].parts[0].data.author == "alice"


def test_everybody_watches_the_announcements_and_only_announcers_the_schedule(alice, bob):
    audiences = read_audiences([*BOTH, "announcements.other", "schedule.other"])
    assert audiences.keys() == set(BOTH)
    people = {"guest": GUEST, "bob": load_person(bob.pk), "alice": load_person(alice.pk)}
    admitted = {name: {who for who in people if audiences[name].admits(people[who])} for name in BOTH}
    assert admitted == {"announcements.all": {"guest", "bob", "alice"}, "schedule.all": {"alice"}}


def test_the_cost_is_constant(write, django_assert_num_queries):
    for number in range(5):
        write(f"works {number}", number)
    for topic in (AnnouncementsTopic, ScheduleTopic):
        with django_assert_num_queries(2):
            load(topic=topic)
