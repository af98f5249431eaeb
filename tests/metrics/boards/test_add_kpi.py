"""`manage.py add_kpi`: a metric as a tile."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from live.clock import now_ms
from metrics.boards.models import Board
from metrics.kpis.models import KPI
from tests.metrics.kpis.arranging import a_series, a_source

pytestmark = pytest.mark.django_db


def add_kpi(*arguments):
    out = StringIO()
    call_command("add_kpi", *arguments, stdout=out)
    return out.getvalue()


def test_a_metric_never_seen_becomes_a_tile_of_the_default_board(main, published):
    with published() as topics:
        assert add_kpi("orders") == "tile orders on board main, the sum of 0 live series\n"
    assert main.kpis.filter(slug="orders").exists()
    assert topics == {"board.main"}


def test_it_says_of_how_many_live_series_the_tile_is_the_sum(main):
    for shop in "ab":
        a_series("orders", [1.0], until=now_ms(), labels={"shop": shop})
    a_series("orders", [1.0, 2.0], until=now_ms() - 60_000, labels={"shop": "silent"})
    assert add_kpi("orders") == "tile orders on board main, the sum of 2 live series\n"


def test_a_second_tile_of_the_same_name_gets_a_number(main):
    add_kpi("orders")
    assert add_kpi("orders").startswith("tile orders-2 ")


def test_every_option_reaches_the_kpi(main):
    Board.objects.create(slug="ops", name="Ops")
    a_source("shop")
    options = ["--name", "Orders per minute", "--unit", "1/min", "--board", "ops", "--warn", "80", "--critical", "95.5"]
    add_kpi("orders", *options, "--source", "shop", "--label", "region=eu", "--label", "q=a=b")
    kpi = KPI.objects.get(slug="orders-per-minute")
    assert (kpi.metric, kpi.name, kpi.unit, str(kpi.source)) == ("orders", "Orders per minute", "1/min", "shop")
    assert (kpi.warn, kpi.critical, kpi.direction) == (80, 95.5, "above")
    assert kpi.labels == {"region": "eu", "q": "a=b"}
    assert list(kpi.boards.values_list("slug", flat=True)) == ["ops"]


def test_a_critical_limit_under_the_warning_means_below(main):
    add_kpi("stock", "--warn", "10", "--critical", "5")
    assert KPI.objects.get(slug="stock").direction == "below"


@pytest.mark.parametrize(
    "options, words",
    [
        (["--board", "nope"], "There is no board nope. Known: main"),
        (["--source", "nope"], "There is no source nope. Known:"),
        (["--label", "region"], "expected NAME=VALUE"),
        (["--warn", "much"], "invalid float value"),
        (["--warn", "nan"], "finite"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_made(main, options, words):
    with pytest.raises(CommandError, match=words):
        add_kpi("orders", *options)
    assert not KPI.objects.filter(metric="orders").exists()
