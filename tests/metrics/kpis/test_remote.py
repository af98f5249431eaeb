"""KPIs on a PromQL server: their windows, and what boards show of them."""

from __future__ import annotations

import pytest

from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI, RemoteWindow
from metrics.kpis.reading import evaluate_all
from metrics.kpis.remote import POINTS, asked_of, remote_tracks, replace_windows, window_after, window_of
from metrics.kpis.verbs import change_kpi, make_kpi
from metrics.series.models import Sample
from tests.metrics.kpis.arranging import NOW, a_series, a_source

pytestmark = pytest.mark.django_db
STEP = 15_000
UP = "sum by (job) (up)"


@pytest.fixture
def kpi():
    return make_kpi(KPI(metric=UP, name="Up", source=a_source("prom", "promql")))


def answered(kpi, *tracks, at=NOW):
    """As after a pull that was answered with these series, as {labels: {ts: value}}."""
    replace_windows([window_after(known(kpi), tracks, at=at, interval_ms=STEP)])


def known(kpi):
    return KPI.objects.select_related("window", "source").get(pk=kpi.pk)


def series(*values, until=NOW, **labels):
    times = [until - n * STEP for n in reversed(range(len(values)))]
    return {tuple(sorted(labels.items())): dict(zip(times, map(float, values), strict=True))}


def shown(kpi, now=NOW):
    return evaluate_all([KPI.objects.get(pk=kpi.pk)], now)[kpi.pk]


def test_a_tile_shows_the_value_and_the_line(kpi):
    answered(kpi, series(*range(60)))
    found = shown(kpi)
    assert (found.status, found.value, found.at, found.live) == ("ok", 59.0, NOW, 1)
    assert found.drawn.line == tuple((NOW - n * STEP, 59.0 - n) for n in reversed(range(60)))
    assert Sample.objects.count() == 0


def test_it_is_compared_with_a_minute_ago(kpi):
    answered(kpi, series(100, 0, 0, 0, 150))
    assert shown(kpi).change.amount == 50.0


def test_several_series_are_summed(kpi):
    answered(kpi, {**series(1, 2, job="node"), **series(10, 20, job="db")})
    found = shown(kpi)
    assert (found.value, found.live, found.drawn.line[-1]) == (22.0, 2, (NOW, 22.0))


def test_a_server_that_is_away_leaves_a_stale_tile_with_the_last_value(kpi):
    answered(kpi, series(1, 2, 3))
    assert shown(kpi, NOW + 3 * STEP - 1).status == "ok"
    found = shown(kpi, NOW + 3 * STEP)
    assert (found.status, found.value, found.stale_since) == ("stale", 3.0, NOW)
    assert shown(kpi, NOW + 86_400_000).status == "stale"


def test_an_answer_without_data_turns_stale_and_then_is_forgotten(kpi):
    answered(kpi, series(1))
    later = NOW + 4 * STEP
    answered(kpi, {}, at=later)
    assert shown(kpi, later).status == "stale"
    answered(kpi, {}, at=NOW + POINTS * STEP)
    assert shown(kpi, NOW + POINTS * STEP).status == "none"


def test_a_window_holds_no_more_than_a_line(kpi):
    for n in range(100):
        answered(kpi, series(n, until=NOW + n * STEP), at=NOW + n * STEP)
    window = RemoteWindow.objects.get()
    assert [value for _ts, value in window.tracks[0]["points"]] == [float(n) for n in range(100 - POINTS, 100)]


def test_a_changed_expression_is_not_shown_with_the_old_answer(kpi):
    answered(kpi, series(1))
    late = window_after(known(kpi), [series(2)], at=NOW, interval_ms=STEP)
    kpi.metric = "other"
    change_kpi(kpi)
    assert shown(kpi).status == "none"
    replace_windows([late])
    assert shown(kpi).status == "none"
    assert window_of(known(kpi), STEP) is None


def test_a_changed_source_or_interval_begins_anew(kpi):
    answered(kpi, series(1))
    assert window_of(known(kpi), STEP)
    assert window_of(known(kpi), 2 * STEP) is None
    kpi.source = a_source("other", "promql")
    change_kpi(kpi)
    assert window_of(known(kpi), STEP) is None


def test_a_kpi_that_was_removed_meanwhile_is_no_error(kpi):
    late = window_after(known(kpi), [series(2)], at=NOW, interval_ms=STEP)
    kpi.delete()
    replace_windows([late])
    assert RemoteWindow.objects.count() == 0


def test_those_who_waited_longest_are_asked_first(kpi):
    fresh = make_kpi(KPI(metric="b", source=kpi.source))
    answered(kpi, series(1), at=NOW)
    other = make_kpi(KPI(metric="c", source=kpi.source))
    make_kpi(KPI(metric="d", source=a_source("shop")))
    assert asked_of(kpi.source_id) == [fresh, other, kpi]


def test_new_values_publish_the_boards_and_give_them_a_new_version(kpi, published):
    board = Board.objects.create(slug="ops", name="ops")
    Board.objects.create(slug="other", name="other")
    put_on_board(board, kpi)
    before = Board.objects.with_version().get(slug="ops").at_version
    with published() as topics:
        answered(kpi, series(1))
    assert topics == {"board.ops"}
    assert Board.objects.with_version().get(slug="ops").at_version != before


def test_a_kpi_of_the_same_name_as_stored_series_is_not_made_of_them(kpi):
    a_series(UP, [1.0] * 5)
    answered(kpi, series(7))
    assert shown(kpi).value == 7.0


def test_one_query_for_all_windows_and_none_without_a_source(kpi, django_assert_num_queries):
    kpis = [kpi, *(make_kpi(KPI(metric=f"m{n}", source=kpi.source)) for n in range(20))]
    for one in kpis:
        answered(one, series(1, 2))
    kpis = list(KPI.objects.all())
    with django_assert_num_queries(1):
        assert len(remote_tracks(kpis)) == 21
    with django_assert_num_queries(0):
        assert remote_tracks([KPI(pk=99, metric="orders")]) == {}


def test_an_expression_may_be_long():
    text = "sum(" + "я" * 595 + ")"
    kpi = make_kpi(KPI(metric=text, source=a_source("prom", "promql")))
    assert KPI.objects.get(pk=kpi.pk).metric == text
