"""The series browser: search, last values, and the way from a series to a tile."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from live.clock import now_ms
from metrics.boards.models import Board
from metrics.kpis.models import KPI
from metrics.series.search import SIZE
from tests.metrics.kpis.arranging import a_series, a_source

pytestmark = pytest.mark.django_db


def html(response) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def board() -> Board:
    return Board.objects.get(is_default=True)


# Who sees it


def test_only_staff_browse_series(staff, outsider, client):
    assert staff.get("/series/").status_code == 200
    assert outsider.get("/series/").status_code == 403
    assert client.get("/series/?q=a").url == "/accounts/login/?next=/series/%3Fq%3Da"


def test_it_is_only_read(staff):
    assert staff.post("/series/").status_code == 405


# What it says


def test_a_series_is_shown_with_its_last_value_its_unit_and_its_age(staff):
    a_series("latency", [100.0, 412.0], until=now_ms() - 2_500, unit="ms", labels={"region": "<eu>"})
    found = html(staff.get("/series/?q=latency"))
    assert ">412</span>" in found
    assert ">ms</span>" in found
    assert "2 s ago" in found
    assert "stale," not in found
    assert "region=&lt;eu&gt;" in found
    assert 'class="spark"' in found


def test_a_series_that_ended_or_is_late_is_stale(staff):
    now = now_ms()
    a_series("late", [1.0], until=now - 60_000)
    a_series("ended", [1.0], until=now, stale_at=now)
    a_series("fresh", [1.0], until=now)
    for metric, is_stale in {"late": True, "ended": True, "fresh": False}.items():
        assert ("stale," in html(staff.get(f"/series/?q={metric}"))) is is_stale, metric


def test_a_series_without_a_sample_says_so(staff):
    a_series("orders")
    assert "no sample yet" in html(staff.get("/series/"))


def test_what_was_searched_for_stays_in_the_field_and_on_the_next_page(staff):
    for n in range(SIZE + 1):
        a_series("orders", labels={"n": str(n), "site": "a&b"})
    first = html(staff.get("/series/", {"q": "orders site=a&b"}))
    assert 'value="orders site=a&amp;b"' in first
    following = unescape(re.findall(r'href="(/series/[^"]*after=[^"]*)"', first)[-1])
    second = html(staff.get(following))
    assert second.count("formaction=") == 1
    assert 'value="orders site=a&amp;b"' in second


def test_somebody_without_any_series_is_told_how_to_send_one(staff):
    assert "curl http" in html(staff.get("/series/"))
    found = html(staff.get("/series/?q=nothing"))
    assert "No series fits" in found
    assert "curl http" not in found


def test_hostile_queries_are_answered(staff):
    a_series("orders")
    for query in (
        "\0",
        "a=\0",
        "'; --",
        "=" * 600,
        "x" * 10_000,
        "$.a[0]=1",
        "0=1",
        "\ud800".encode("utf-8", "ignore"),
    ):
        assert staff.get("/series/", {"q": query, "after": query}).status_code == 200


def test_the_number_of_queries_does_not_depend_on_the_number_of_series(staff):
    counts = []
    for n in range(20):
        a_series(f"metric{n}", [1.0] * 60, until=now_ms(), source=a_source(f"source{n}"))
        if n in (0, 19):
            with CaptureQueriesContext(connection) as queries:
                staff.get("/series/")
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 16


# From a series to a tile


def make(client, series):
    return client.post(f"/series/{series.pk}/kpi/")


def test_one_click_makes_a_kpi_of_exactly_this_series(staff):
    eu = a_series("orders", [1.0], until=now_ms(), unit="kg", labels={"region": "eu", "instance": "a"})
    a_series("orders", [1.0], until=now_ms(), labels={"region": "us", "instance": "a"})
    a_series("orders", [1.0], until=now_ms(), source=a_source("market"), labels={"region": "eu", "instance": "a"})
    response = make(staff, eu)
    kpi = board().kpis.get(metric="orders")
    assert (response.status_code, response.url) == (303, f"/boards/main/#tile-{kpi.slug}")
    assert list(kpi.series.all()) == [eu]
    assert (kpi.name, kpi.unit, kpi.source) == ("Orders: eu", "kg", eu.source)
    assert "Orders: eu is on the board now." in html(staff.get("/"))


def test_a_second_click_makes_no_second_tile(staff):
    series = a_series("orders", labels={"b": "2", "a": "1"})
    assert make(staff, series).url == make(staff, series).url
    assert KPI.objects.filter(metric="orders").count() == 1


def test_who_may_not_add_kpis_makes_none_and_sees_no_button(staff, outsider):
    series = a_series("orders")
    assert "formaction" in html(staff.get("/series/"))
    Group.objects.get(name="Staff").permissions.remove(Permission.objects.get(codename="add_kpi"))
    assert "formaction" not in html(staff.get("/series/"))
    for client in (staff, outsider):
        assert make(client, series).status_code == 403
    assert not KPI.objects.filter(metric="orders").exists()


def test_a_series_that_has_gone_becomes_no_tile(staff):
    assert staff.post("/series/999999/kpi/").status_code == 404
    assert staff.post(f"/series/{10**30}/kpi/").status_code == 404


def test_it_takes_a_post(staff):
    assert staff.get(f"/series/{a_series('orders').pk}/kpi/").status_code == 405
