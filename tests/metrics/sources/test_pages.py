"""The pages of sources: who sees them, what they say, and what they cost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from live.clock import now_ms
from live.people import load_person
from live.presence.roster import Roster
from live.push.topics import Context
from metrics.ingest.calls import Reason
from metrics.series.models import Rollup
from metrics.series.rollups import roll_up
from metrics.sources.models import Pull, Rejection, Source, SourceToken
from metrics.sources.pages import REASONS, report, rows
from metrics.sources.tokens import make_source_token, revoke_source_token, rotate_source_token
from metrics.sources.topic import KEY, SourcesTopic, SourceTopic
from tests.metrics.kpis.arranging import a_series, a_source, push

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def page(client, name="shop") -> str:
    response = client.get(f"/sources/{name}/")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def a_pull(name="node", **fields) -> Source:
    source = a_source(name, "scrape")
    Pull.objects.create(source=source, url="http://127.0.0.1:9/metrics", **fields)
    return source


def rejected(source, reason, samples=1, example=""):
    return Rejection.objects.create(
        source=source, reason=reason, samples=samples, example=example, last_at=timezone.now()
    )


# Who sees them


def test_only_staff_see_sources(staff, outsider, client):
    a_source()
    for address in ("/sources/", "/sources/shop/"):
        assert staff.get(address).status_code == 200
        assert outsider.get(address).status_code == 403
        assert client.get(address).url == f"/accounts/login/?next={address}"


def test_only_staff_are_told_where_sources_are(staff, outsider):
    assert 'href="/sources/"' in staff.get("/").content.decode()
    assert 'href="/sources/"' not in outsider.get("/").content.decode()


def test_a_source_that_is_not_there_is_not_found(staff):
    assert staff.get("/sources/nobody/").status_code == 404


@pytest.mark.parametrize("topic", [SourceTopic("shop"), SourcesTopic(KEY)])
def test_only_staff_may_watch_them(topic, staff, outsider):
    a_source()
    audience = topic.audiences([topic.key])[topic.key]
    dora, bob = (load_person(User.objects.get(username=name).pk) for name in ("dora", "bob"))
    assert audience.admits(dora)
    assert not audience.admits(bob)
    assert not audience.admits(load_person(AnonymousUser().pk))


def test_there_is_nothing_to_watch_of_a_source_that_is_not_there():
    assert SourceTopic.audiences(["nobody"]) == {}
    assert SourceTopic("nobody").load(Context(now_ms(), Roster("test")), None) is None


def test_the_pages_are_only_read(staff):
    a_source()
    assert staff.post("/sources/").status_code == 405
    assert staff.post("/sources/shop/").status_code == 405


# What they say


def test_the_list_names_every_source_with_its_state_in_words(staff):
    a_pull("works", succeeded_at=timezone.now())
    a_pull("fails", failing_since=timezone.now() - timedelta(hours=3))
    a_pull("rests", enabled=False)
    a_source("newcomer")
    html = staff.get("/sources/").content.decode()
    for name, word in {
        "works": "Works",
        "fails": "Failing",
        "rests": "Switched off",
        "newcomer": "Never seen",
    }.items():
        row = html.partition(f'id="source-{name}"')[2].partition("</li>")[0]
        assert word in row, name


def test_a_failing_source_says_since_when_and_why(staff):
    source = a_pull(failing_since=timezone.now().replace(hour=4, minute=5, second=6), failures=17)
    Source.objects.filter(pk=source.pk).update(last_error="The server <b>hung up</b>.", last_error_at=timezone.now())
    html = page(staff, "node")
    assert "04:05:06" in html or "4:05:06" in html
    assert "The server &lt;b&gt;hung up&lt;/b&gt;." in html
    assert "17 failures in a row" in html


def test_the_pace_is_that_of_the_last_full_minutes():
    source, now = a_source(), now_ms()
    Source.objects.filter(pk=source.pk).update(created_at=timezone.now() - timedelta(days=1))
    this_minute = now // MINUTE * MINUTE
    series = a_series(source=source)
    for minutes, n in {0: 1_000, 1: 50, 5: 25, 6: 1_000}.items():
        bucket = {"res": 60, "t": this_minute - minutes * MINUTE, "n": n}
        numbers = dict.fromkeys(("sum", "min", "max", "first", "last", "inc"), 0.0)
        Rollup.objects.create(series=series, last_ts=now, **bucket, **numbers)
    assert report("shop", now).row.per_minute == 15


def test_a_source_that_has_just_begun_is_not_averaged_with_the_time_before_it():
    source, now = a_source(), now_ms()
    end = now // MINUTE * MINUTE
    Source.objects.filter(pk=source.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    for n in range(30):
        push("orders", 1.0, ts=end - MINUTE + n * 1_000)
    roll_up()
    assert report("shop", now).row.per_minute == 30


def test_rejections_are_told_in_words_with_the_last_example(staff):
    source = a_source()
    rejected(source, Reason.NOT_FINITE, 1_234, "samples[3].value: expected <a number>")
    html = page(staff)
    assert "not finite" in html
    assert "1,234 samples" in html
    assert "samples[3].value: expected &lt;a number&gt;" in html


def test_every_reason_has_words():
    reasons = {value for name, value in vars(Reason).items() if name.isupper()}
    assert reasons == set(REASONS)


def test_what_was_there_already_is_no_loss():
    source = a_source()
    rejected(source, Reason.DUPLICATE, 500)
    assert [row.rejected for row in rows(now_ms()) if row.name == "shop"] == [0]
    rejected(source, Reason.TOO_OLD, 2)
    assert [row.rejected for row in rows(now_ms()) if row.name == "shop"] == [2]


def test_the_limit_of_series_is_named_when_it_is_reached(staff):
    source = a_source()
    Source.objects.filter(pk=source.pk).update(series_limit=2)
    a_series("orders")
    assert "The limit is reached" not in page(staff)
    a_series("refunds")
    assert "The limit is reached" in page(staff)


@pytest.mark.parametrize(
    "skew_ms, words",
    [(30_000, None), (30_001, "clock 30 s behind"), (-45_000, "clock 45 s ahead"), (None, None)],
)
def test_a_clock_that_is_far_off_is_a_warning(staff, skew_ms, words):
    Source.objects.filter(pk=a_source().pk).update(skew_ms=skew_ms)
    html = page(staff)
    found = re.search(r"clock \S+ s (behind|ahead) </span>", html)
    assert (found and found[0].removesuffix(" </span>")) == words


def test_tokens_are_named_and_never_shown(staff):
    source = a_source()
    token, ended = make_source_token(source, "till 3"), make_source_token(source, "till 4")
    revoke_source_token(SourceToken.objects.get(name="till 4"))
    html = page(staff)
    assert "till 3" in html
    assert token[:10] in html
    assert token not in html
    assert "till 4" not in html
    assert ended[:10] not in html


def test_a_rotated_token_is_to_be_revoked(staff):
    make_source_token(a_source(), "till 3")
    assert "to be revoked" not in page(staff)
    rotate_source_token(SourceToken.objects.get())
    assert page(staff).count("to be revoked") == 1


def test_a_pushed_group_says_how_long_ago_it_was_pushed(staff):
    pushed = now_ms() - 3 * 3_600_000 - 10_000
    a_series("push_time_seconds", [1.0], until=pushed, labels={"instance": "a", "job": "backup"})
    html = page(staff)
    assert "job=&quot;backup&quot;, instance=&quot;a&quot;" in html
    assert "pushed 3 h ago" in html


def test_a_group_that_was_deleted_is_not_shown(staff):
    a_series("push_time_seconds", [1.0], until=now_ms(), stale_at=now_ms(), labels={"job": "backup"})
    assert "backup" not in page(staff)


def test_somebody_who_never_sent_is_told_how(staff):
    a_source()
    assert "curl http" in page(staff)
    a_series("orders", [1.0], until=now_ms())
    Source.objects.update(last_seen_at=timezone.now())
    assert "curl http" not in page(staff)


def test_the_page_and_a_push_print_the_same(staff):
    source = a_pull(succeeded_at=timezone.now())
    rejected(source, Reason.MALFORMED, 3, "line 7")
    state = SourceTopic("node").load(Context(now_ms(), Roster("test")), None)
    (part,) = state.regions[0].parts
    assert staff.get("/sources/node/").context["report"].parts[0].template == part.template
    assert state.next_change_at > now_ms()


# What they cost


def furnished(name):
    source = a_pull(name, succeeded_at=timezone.now())
    for metric in ("orders", "refunds", "push_time_seconds"):
        a_series(metric, [1.0, 2.0], until=now_ms(), source=source)
    rejected(source, Reason.TOO_OLD)
    return source


def queries(client, address) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_number_of_queries_does_not_depend_on_what_there_is(staff):
    furnished("one")
    before = [queries(staff, address) for address in ("/sources/", "/sources/one/")]
    for n in range(10):
        furnished(f"more{n}")
    one = Source.objects.get(name="one")
    for n in range(20):
        a_series(f"metric{n}", [1.0] * 5, until=now_ms(), source=one)
    for reason in set(REASONS) - {Reason.TOO_OLD}:
        rejected(one, reason)
    assert [queries(staff, address) for address in ("/sources/", "/sources/one/")] == before
    assert max(before) <= 20
