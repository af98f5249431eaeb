"""/notifications/: everybody reads, announcers write and withdraw."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from live.announcements.models import Announcement
from live.announcements.topic import AnnouncementsTopic
from live.announcements.verbs import announce, withdraw
from live.announcements.views import ENDED_PER_PAGE
from live.push.pages import page_state
from live.push.rendering import print_part

ADDRESS = "/notifications/"
VALID = {"title": "Maintenance", "text": "Tonight at ten.", "severity": "warning"}


@pytest.fixture
def visitors(alice, bob, signed_in):
    return {"alice": signed_in(alice), "bob": signed_in(bob), "guest": Client()}


@pytest.fixture
def notice(alice):
    announcement = Announcement(title="Works on <b>lift</b>", text="One & two", severity="critical")
    announce(announcement, by=alice)
    return announcement


def local(**delta):
    """A time as the browser's field sends it."""
    return (timezone.localtime() + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize("visitor", ["guest", "bob"])
def test_everybody_reads_and_finds_no_form(visitors, visitor, notice):
    html = visitors[visitor].get(ADDRESS).content.decode()
    assert "Works on &lt;b&gt;lift&lt;/b&gt;" in html
    assert 'name="title"' not in html
    assert 'id="scheduled"' not in html


def test_staff_announce_and_everybody_sees_it(visitors):
    response = visitors["alice"].post(ADDRESS, VALID)
    assert (response.status_code, response.url) == (303, ADDRESS)
    announcement = Announcement.objects.get()
    assert (announcement.author_name, announcement.severity) == ("alice", "warning")
    html = visitors["guest"].get("/chat/").content.decode()
    assert f'id="banner-{announcement.pk}"' in html
    assert "Tonight at ten." in visitors["guest"].get(ADDRESS).content.decode()


@pytest.mark.parametrize("visitor", ["guest", "bob"])
def test_others_neither_announce_nor_withdraw(visitors, visitor, notice):
    assert visitors[visitor].post(ADDRESS, VALID).status_code == 403
    assert visitors[visitor].post(f"{ADDRESS}withdraw/", {"id": notice.pk}).status_code == 403
    notice.refresh_from_db()
    assert notice.withdrawn_at is None
    assert Announcement.objects.count() == 1


def test_staff_withdraw(visitors, notice):
    response = visitors["alice"].post(f"{ADDRESS}withdraw/", {"id": notice.pk})
    assert (response.status_code, response.url) == (303, ADDRESS)
    html = visitors["guest"].get(ADDRESS).content.decode()
    assert f'id="announcement-{notice.pk}"' not in html
    assert "Works on" in html  # among those that ended


@pytest.mark.parametrize("number", ["", "0", "x", "-1", "9" * 30])
def test_an_announcement_that_is_not_there_cannot_be_withdrawn(visitors, number):
    assert visitors["alice"].post(f"{ADDRESS}withdraw/", {"id": number}).status_code == 404


def test_what_starts_later_is_shown_to_staff_as_scheduled(visitors):
    visitors["alice"].post(ADDRESS, VALID | {"starts_at": local(hours=1), "expires_at": local(hours=2)})
    announcement = Announcement.objects.get()
    assert f'id="scheduled-{announcement.pk}"' in visitors["alice"].get(ADDRESS).content.decode()
    assert "Maintenance" not in visitors["guest"].get(ADDRESS).content.decode()


def test_times_are_those_of_the_zone_that_the_page_shows(visitors, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    visitors["alice"].post(ADDRESS, VALID | {"starts_at": "2031-05-01T09:30"})
    entered = datetime(2031, 5, 1, 9, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert Announcement.objects.get().starts_at == entered.astimezone(UTC)


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"title": ""}, "required"),
        ({"title": "x" * 81}, "80"),
        ({"text": ""}, "required"),
        ({"text": "x" * 2001}, "2000"),
        ({"severity": "loud"}, "valid choice"),
        ({"starts_at": "soon"}, "valid date"),
        ({"expires_at": local(minutes=-2)}, "must lie in the future"),
        ({"starts_at": local(hours=2), "expires_at": local(hours=1)}, "later than the start"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_written_stays(visitors, wrong, sentence):
    response = visitors["alice"].post(ADDRESS, VALID | wrong)
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert list(errors) == [next(name for name in ["expires_at", *wrong] if name in wrong)]
    assert sentence in str(errors)
    assert response.context["form"]["title"].value() == (VALID | wrong)["title"]
    # On a phone the form is far down.
    focused = re.findall(r'name="(\w+)"[^>]*autofocus', response.content.decode())
    assert focused == [name for name in errors if name != "severity"]
    assert not Announcement.objects.exists()


def test_page_and_push_print_the_same(visitors, notice):
    html = visitors["guest"].get(ADDRESS).content.decode()
    state = page_state(AnnouncementsTopic("all"))
    assert state
    banner, listed, _now = state.regions
    for region in (banner, listed):
        assert print_part(region.parts[0]) in html


def test_the_ended_are_listed_page_by_page(visitors, alice):
    for number in range(ENDED_PER_PAGE + 1):
        ended = Announcement(title=f"ended {number:02}", text="x")
        announce(ended, by=alice)
        withdraw(ended)
    first, second = (visitors["guest"].get(f"{ADDRESS}?page={page}").context["ended"] for page in (1, 2))
    assert [one.title for one in second] == ["ended 00"]
    assert len(first) == ENDED_PER_PAGE
    assert visitors["guest"].get(f"{ADDRESS}?page=x").status_code == 200


@pytest.mark.parametrize("language, end", [("en", "2031-05-01 09:30"), ("ru", "01.05.2031 09:30")])
def test_an_end_is_written_as_the_language_does_beside_the_title_and_below_it(
    visitors, notice, settings, language, end
):
    settings.TIME_ZONE = "Asia/Tokyo"
    Announcement.objects.update(withdrawn_at=datetime(2031, 5, 1, 0, 30, tzinfo=UTC))
    html = visitors["guest"].get(ADDRESS, headers={"accept-language": language}).content.decode()
    assert f"{end} · alice" in html
    assert f"{end}</td>" in html


def test_the_number_of_queries_does_not_grow(visitors, alice, django_assert_max_num_queries):
    for number in range(30):
        announce(Announcement(title=f"one {number}", text="x"), by=alice)
    with django_assert_max_num_queries(5):
        visitors["guest"].get(ADDRESS)
