"""Sources in the admin: a form for each kind, a trial that saves nothing, a secret that only goes in, rotation."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from metrics.ingest.calls import Reason
from metrics.kpis.models import KPI
from metrics.sources.forms import FIELDS
from metrics.sources.models import Pull, Rejection, Source, SourceToken
from metrics.sources.tokens import find_sender, make_source_token
from tests.metrics.kpis.arranging import a_source
from tests.servers.processes import free_port
from tests.servers.pulled import pulled_server

pytestmark = pytest.mark.django_db
ADD = "/admin/metrics/source/add/"
VALUES = [{"metric": "queue.depth", "path": "depth", "labels": {"queue": "name"}}]


@pytest.fixture
def page():
    """A server that answers whoever asks."""
    with pulled_server() as page:
        page.documents["/"] = {"depth": 7, "name": "<mail>"}
        yield page


@pytest.fixture
def shop(page):
    return f"{page.url}/"


def shown(page) -> list[str | None]:
    """What the server was shown by those who asked."""
    return [asked.headers.get("authorization") for asked in page.asked]


def form(name="queues", *, url="", number="", **pull):
    """What the form of an HTTP source sends. `number` is the id of its stored Pull."""
    fields = {"url": url, "values": json.dumps(VALUES), "interval_s": "10", "timeout_s": "5", "enabled": "on"} | pull
    given = {"pull-TOTAL_FORMS": "1", "pull-INITIAL_FORMS": "1" if number else "0"}
    given |= {"pull-MIN_NUM_FORMS": "1", "pull-MAX_NUM_FORMS": "1", "pull-0-id": number}
    given |= {"rejections-TOTAL_FORMS": "0", "rejections-INITIAL_FORMS": "0"}
    settings = {"name": name, "labels": "{}", "series_limit": "2000"}
    return given | settings | {f"pull-0-{key}": value for key, value in fields.items()}


def add(client, kind="http", **given):
    return client.post(f"{ADD}?kind={kind}", form(**given))


def stored(**fields) -> Pull:
    values = {"url": "http://127.0.0.1:9/", "values": VALUES, "secret": "hunter2"} | fields
    return Pull.objects.create(source=a_source("queues", "http"), **values)


def change(client, pull, **given):
    address = f"/admin/metrics/source/{pull.source_id}/change/"
    fields = {"url": pull.url, "number": str(pull.pk)} | given
    return client.post(address, form(**fields) | ({"pull-0-source": str(pull.source_id)}))


def errors(response) -> str:
    assert response.status_code == 200, "it was saved"
    return " ".join(response.content.decode().split())


# A form for each kind


@pytest.mark.parametrize("kind", FIELDS)
def test_each_kind_has_the_fields_that_count_for_it_each_with_a_line(staff, kind):
    response = staff.get(f"{ADD}?kind={kind}")
    (inline,) = response.context["inline_admin_formsets"]
    fields = inline.formset.forms[0].fields
    assert {name for name in fields if name not in ("id", "source")} | {"forget"} == {*FIELDS[kind], "forget"}
    assert [name for name in FIELDS[kind] if name != "forget" and not fields[name].help_text] == []


@pytest.mark.parametrize("kind", ["", "push", "host", "own", "nonsense"])
def test_who_sends_has_nothing_to_be_fetched(staff, kind):
    response = staff.get(ADD, {"kind": kind})
    assert response.context["inline_admin_formsets"] == []
    staff.post(f"{ADD}?kind={kind}", {"name": "till", "labels": "{}", "series_limit": "5", "rate_limit": "0"})
    assert Source.objects.get(name="till").kind == "push"


def test_a_source_is_stored_with_how_it_is_fetched(staff):
    assert add(staff, url="https://shop.example/stats", secret="hunter2").status_code == 302
    pull = Pull.objects.get(source__name="queues")
    assert (pull.source.kind, pull.url, pull.values, pull.secret) == (
        "http", "https://shop.example/stats", VALUES, "hunter2",
    )  # fmt: skip


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"url": ""}, "must begin with http:// or https://"),
        ({"url": "ftp://shop.example/"}, "must begin with http:// or https://"),
        ({"url": "http://"}, "must begin with http:// or https://"),
        ({"url": "http://shop.example:port/"}, "This is not an address."),
        ({"url": "http://me:secret@shop.example/"}, "not into the address"),
        ({"values": "[]"}, "Give a list such as"),
        ({"values": "{"}, "Enter a valid JSON"),
        ({"interval_s": "5", "timeout_s": "6"}, "must not be longer than the interval"),
        ({"interval_s": "0"}, "greater than or equal to 1"),
        ({"name": "no spaces"}, "Start with a letter or a digit"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(staff, given, sentence):
    assert sentence in errors(add(staff, **({"url": "http://shop.example/"} | given)))
    assert not Source.objects.filter(kind="http").exists()
    assert not Pull.objects.exists()


def test_the_tick_of_the_collector_is_not_written_over(staff):
    pull = stored(due_at=timezone.now())
    response = staff.get(f"/admin/metrics/source/{pull.source_id}/change/")
    assert response.status_code == 200
    Pull.objects.update(failures=17, succeeded_at=timezone.now())
    assert change(staff, pull, interval_s="30").status_code == 302
    pull.refresh_from_db()
    assert (pull.interval_s, pull.failures, pull.succeeded_at is None) == (30, 17, False)
    assert pull.due_at is None


def test_a_fetched_source_can_be_removed_and_our_own_cannot(staff):
    pull = stored()
    assert staff.post(f"/admin/metrics/source/{pull.source_id}/delete/", {"post": "yes"}).status_code == 302
    assert not Pull.objects.exists()
    host = a_source("host", "host")
    assert staff.post(f"/admin/metrics/source/{host.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_may_only_look_changes_nothing(staff):
    pull = stored()
    for codename in ("change_source", "add_source"):
        Group.objects.get(name="Staff").permissions.remove(Permission.objects.get(codename=codename))
    assert staff.get(f"/admin/metrics/source/{pull.source_id}/change/").status_code == 200
    assert change(staff, pull, url="http://elsewhere.example/").status_code == 403
    assert staff.post(f"{ADD}?kind=http", form(url="http://a.example/") | {"_try": "1"}).status_code == 403


# The secret


def test_the_secret_is_in_no_page(staff):
    pull = stored()
    assert "hunter2" not in staff.get(f"/admin/metrics/source/{pull.source_id}/change/").content.decode()
    for page in (change(staff, pull, interval_s="0", secret="hunter3"), add(staff, name="x", secret="hunter3")):
        assert "hunter" not in errors(page)
    assert "hunter" not in staff.get("/sources/queues/").content.decode()


def test_an_empty_field_leaves_the_secret_and_a_tick_forgets_it(staff):
    pull = stored()
    for given, expected in [({}, "hunter2"), ({"secret": "hunter3"}, "hunter3"), ({"forget": "on"}, "")]:
        assert change(staff, pull, **given).status_code == 302
        pull.refresh_from_db()
        assert pull.secret == expected


def test_a_stored_secret_is_sent_to_no_other_server(staff, page, shop):
    pull = stored()
    for given in ({}, {"_try": "1"}):
        response = staff.post(
            f"/admin/metrics/source/{pull.source_id}/change/",
            form(url=shop, number=str(pull.pk)) | {"pull-0-source": str(pull.source_id)} | given,
        )
        assert "give the password or token again" in errors(response)
    assert shown(page) == []
    assert change(staff, pull, url="http://127.0.0.1:9/other").status_code == 302
    assert change(staff, pull, url=shop, secret="hunter3").status_code == 302


# Try it now


def test_a_trial_shows_what_comes_and_saves_nothing(staff, page, shop):
    response = staff.post(f"{ADD}?kind=http", form(url=shop, secret="hunter2") | {"_try": "1"})
    html = errors(response)
    assert "queue.depth" in html
    assert "queue=&lt;mail&gt;" in html
    assert [(one.name, one.value) for one in response.context["tried"]["samples"]] == [("queue.depth", 7.0)]
    assert shown(page) == ["Bearer hunter2"]
    assert "hunter2" not in html
    assert "Give the password or token again" in html
    assert not Source.objects.filter(name="queues").exists()
    assert not Pull.objects.exists()


def test_a_trial_of_a_stored_source_uses_the_stored_secret(staff, page, shop):
    pull = stored(url=shop)
    address = f"/admin/metrics/source/{pull.source_id}/change/"
    given = form(url=shop, number=str(pull.pk), interval_s="77") | {"pull-0-source": str(pull.source_id), "_try": "1"}
    assert "queue.depth" in errors(staff.post(address, given))
    assert shown(page) == ["Bearer hunter2"]
    pull.refresh_from_db()
    assert pull.interval_s == 15


def test_a_trial_that_fails_says_why(staff):
    response = staff.post(f"{ADD}?kind=http", form(url=f"http://127.0.0.1:{free_port()}/") | {"_try": "1"})
    errors(response)
    tried = response.context["tried"]
    assert tried["error"]
    assert tried["samples"] == []
    assert tried["error"] in response.content.decode()


def test_a_trial_of_what_is_wrong_asks_nobody(staff, page, shop):
    response = staff.post(f"{ADD}?kind=http", form(url=shop, values="[]") | {"_try": "1"})
    assert "Give a list such as" in errors(response)
    assert shown(page) == []


def test_a_trial_of_a_new_promql_server_asks_nothing_of_other_peoples_kpis(staff, page):
    KPI.objects.create(slug="secret", name="Secret", metric="secret_expression")
    errors(staff.post(f"{ADD}?kind=promql", form(url=page.url) | {"_try": "1"}))
    assert page.asked
    assert "secret_expression" not in " ".join(asked.path for asked in page.asked)


# What was rejected


def test_rejections_are_shown_and_only_looked_at(staff):
    source = a_source()
    Rejection.objects.create(
        source=source, reason=Reason.TOO_OLD, samples=12, last_at=timezone.now(), example="samples[3].ts: <too old>"
    )
    html = staff.get(f"/admin/metrics/source/{source.pk}/change/").content.decode()
    assert "samples[3].ts: &lt;too old&gt;" in html
    assert "too old" in html
    assert 'name="rejections-0-samples"' not in html


# Tokens


def test_a_rotated_token_lets_in_beside_the_new_one_until_it_is_revoked(staff):
    source = a_source()
    old = make_source_token(source, "till 3")
    row = SourceToken.objects.get()
    address = f"/admin/metrics/source/{source.pk}/token/"
    response = staff.post(address, {"rotate": row.pk})
    new, html = response.context["token"], response.content.decode()
    assert new in html
    assert f"{row} still lets in" in html
    assert find_sender(old) == find_sender(new) != None  # noqa: E711
    assert SourceToken.objects.get(prefix=new[:10]).name == "till 3"
    assert "to be revoked" in staff.get(address).content.decode()
    assert staff.post(address, {"revoke": row.pk}).status_code == 303
    assert find_sender(old) is None
    assert find_sender(new)
    assert "to be revoked" not in staff.get(address).content.decode()


@pytest.mark.parametrize("action", ["rotate", "revoke"])
def test_only_a_standing_token_of_the_source_is_rotated_or_revoked(staff, action):
    shop, market = a_source("shop"), a_source("market")
    make_source_token(market)
    other = SourceToken.objects.get()
    for number in (other.pk, 999, "x", "１", ""):
        assert staff.post(f"/admin/metrics/source/{shop.pk}/token/", {action: number}).status_code == 404
    SourceToken.objects.update(revoked_at=timezone.now())
    assert staff.post(f"/admin/metrics/source/{market.pk}/token/", {action: other.pk}).status_code == 404
    assert SourceToken.objects.count() == 1


def test_who_may_not_change_tokens_revokes_none(staff):
    source = a_source()
    token = make_source_token(source)
    Group.objects.get(name="Staff").permissions.remove(Permission.objects.get(codename="change_sourcetoken"))
    address = f"/admin/metrics/source/{source.pk}/token/"
    assert staff.post(address, {"revoke": SourceToken.objects.get().pk}).status_code == 403
    assert find_sender(token)
