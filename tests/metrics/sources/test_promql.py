"""KPIs read from PromQL servers: a real Prometheus, and one that answers as a test says."""

from __future__ import annotations

import contextlib
import time

import pytest

from live.clock import now_ms
from metrics.kpis.models import KPI, RemoteWindow
from metrics.kpis.reading import evaluate_all
from metrics.kpis.verbs import make_kpi
from metrics.series.models import Sample, Series
from metrics.sources import promql
from metrics.sources.attempts import begin, try_pull
from metrics.sources.models import Pull, Source
from metrics.sources.pulling import PullFailed
from metrics.sources.pulls import keep_attempt
from tests.servers.prometheus import prometheus
from tests.servers.pulled import pulled_server

pytestmark = pytest.mark.django_db
NOW = 1_795_154_400_000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture
def pretender():
    """A server whose answers the test writes."""
    with pulled_server() as server:
        server.documents["/api/v1/query_range"] = data("matrix", [])
        yield server


@pytest.fixture
def source(transactional_db):
    # Threads look at it, which have connections of their own.
    return Source.objects.create(name="prom", kind=Source.Kind.PROMQL)


def a_pull(source, server, **fields):
    return Pull.objects.create(source=source, **{"url": server.url, "interval_s": 1, **fields})


def pull(one, now=None):
    """Ask once and store, as the collector does."""
    taken = promql.pull(one, now or now_ms())
    promql.keep(one, taken)
    return taken


def data(kind, result, **more):
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def vector(*values, ts=NOW / 1000):
    return data("vector", [{"metric": {"n": str(n)}, "value": [ts, value]} for n, value in enumerate(values)])


def shown(kpi, now):
    return evaluate_all([KPI.objects.get(pk=kpi.pk)], now)[kpi.pk]


def test_the_value_is_what_prometheus_says(server, source):
    one = a_pull(source, server)
    kpi = make_kpi(KPI(metric="node_memory_MemTotal_bytes", source=source))
    pull(one)
    (total,) = server.query("node_memory_MemTotal_bytes")
    assert shown(kpi, now_ms()).value == float(total["value"][1])


def test_the_line_is_there_at_once_and_equals_what_prometheus_says_of_each_moment(server, source):
    one = a_pull(source, server)
    make_kpi(KPI(metric='count_over_time(up{job="node"}[1m])', source=source))
    pull(one)
    ((track),) = RemoteWindow.objects.get().tracks
    assert len(track["points"]) >= 2
    for ts, value in track["points"]:
        (then,) = server.query('count_over_time(up{job="node"}[1m])', time=f"{ts / 1000:.3f}")
        assert float(then["value"][1]) == value


def test_values_follow_one_another_and_nothing_is_stored_as_samples(server, source):
    one = a_pull(source, server)
    kpi = make_kpi(KPI(metric="time()", source=source))
    first = now_ms()
    for n in range(3):
        pull(one, first + n * 1000)
    found = shown(kpi, first + 2000)
    assert found.value == pytest.approx(first / 1000 + 2, abs=0.01)
    assert [ts for ts, _value in found.drawn.line[-3:]] == [first, first + 1000, first + 2000]
    assert (Sample.objects.count(), Series.objects.count()) == (0, 0)


def test_a_scalar_is_a_value(server, source):
    kpi = make_kpi(KPI(metric="scalar(vector(42))", source=source))
    pull(a_pull(source, server))
    assert shown(kpi, now_ms()).value == 42.0


def test_an_expression_without_data_is_no_error(server, source):
    one = a_pull(source, server)
    kpi = make_kpi(KPI(metric="nothing_of_that_name", source=source))
    taken = pull(one)
    assert (taken.readings, taken.error) == ([], "")
    assert shown(kpi, now_ms()).status == "none"


@pytest.mark.parametrize("expression", ["1/0", "-1/0", "0/0"])
def test_what_is_no_finite_number_is_no_data(server, source, expression):
    kpi = make_kpi(KPI(metric=f"vector({expression})", source=source))
    pull(a_pull(source, server))
    assert shown(kpi, now_ms()).status == "none"


def test_labels_choose_among_the_series(server, source):
    one = a_pull(source, server)
    expression = 'label_replace(vector(1), "n", "a", "", "") or label_replace(vector(2), "n", "b", "", "")'
    kpi = make_kpi(KPI(metric=expression, source=source, labels={"n": "b"}))
    pull(one)
    assert shown(kpi, now_ms()).value == 2.0


@pytest.mark.parametrize(
    "expression, words",
    [
        ("sum(", ["the server says", "parse error"]),
        ("up[5m]", ["range"]),
        ('"text"', ["text"]),
    ],
)
def test_an_expression_that_is_wrong_is_an_error_that_names_the_kpi(server, source, expression, words):
    one = a_pull(source, server)
    make_kpi(KPI(metric=expression, name="Wrong", source=source))
    with pytest.raises(PullFailed) as caught:
        pull(one)
    for word in ("Wrong", *words):
        assert word in str(caught.value)
    right = make_kpi(KPI(metric="vector(1)", name="Right", source=source))
    pull(one)
    assert shown(right, now_ms()).value == 1.0


def test_too_many_series_are_an_error_that_says_what_to_do(server, source):
    one = a_pull(source, server)
    make_kpi(KPI(metric='{__name__=~"node_.*"}', source=source))
    make_kpi(KPI(metric="vector(1)", source=source))
    assert "sum(" in pull(one).error


def test_without_a_kpi_the_server_is_asked_all_the_same(server, source):
    assert len(pull(a_pull(source, server)).readings) == 1


def test_a_query_can_be_tried(server, source):
    tried = try_pull(a_pull(source, server, query="up"))
    assert tried.error == ""
    (sample,) = tried.samples
    assert (sample.name, dict(sample.labels)["job"], sample.value) == ("up", "node", 1.0)
    tried = try_pull(Pull(source=source, url=server.url, query="sum(", interval_s=1))
    assert "parse error" in tried.error


def test_an_address_that_is_no_promql_server_is_an_error(server, source):
    with pytest.raises(PullFailed, match="404"):
        pull(a_pull(source, server, url=f"{server.url}/nowhere"))
    Pull.objects.all().delete()
    with pytest.raises(PullFailed):
        pull(a_pull(source, server, url=server.exporter))


def test_the_address_may_end_as_people_copy_it(server, source):
    for end in ("/", "/api/v1", "/api/v1/"):
        assert pull(Pull(source=source, url=server.url + end, interval_s=1)).readings


def paths(server):
    return [asked.path.partition("?")[0].rpartition("/")[2] for asked in server.asked]


def test_the_line_is_asked_for_at_first_and_after_a_gap(pretender, source):
    one = a_pull(source, pretender, interval_s=15)
    make_kpi(KPI(metric="up", source=source))
    pretender.documents["/api/v1/query"] = vector("1")
    for later in (0, 15_000, 30_000, 60_000, 75_000):
        pull(one, NOW + later)
    query, line = "query", "query_range"
    assert paths(pretender) == [query, line, query, query, query, line, query]


def test_a_warning_is_kept_beside_the_value(pretender, source):
    one = a_pull(source, pretender)
    kpi = make_kpi(KPI(metric="up", name="Up", source=source))
    pretender.documents["/api/v1/query"] = vector("1") | {"warnings": ["one store is away"]}
    taken = pull(one, NOW)
    assert "Up" in taken.error
    assert "one store is away" in taken.error
    assert shown(kpi, NOW).value == 1.0


def test_what_a_server_knows_now_is_of_now(pretender, source):
    """VictoriaMetrics answers about half a minute ago, which would be stale from the beginning."""
    kpi = make_kpi(KPI(metric="up", source=source))
    pretender.documents["/api/v1/query"] = vector("1", ts=NOW / 1000 - 30)
    pull(a_pull(source, pretender), NOW)
    found = shown(kpi, NOW)
    assert (found.status, found.at) == ("ok", NOW)


def test_a_server_that_goes_away_leaves_a_stale_tile_and_says_why(tmp_path, source):
    with prometheus(tmp_path) as there:
        one = a_pull(source, there)
        kpi = make_kpi(KPI(metric="vector(7)", source=source))
        attempt = begin(one).result(10)
        keep_attempt(one, attempt)
    away = begin(one).result(10)
    keep_attempt(one, away)
    found = shown(kpi, attempt.began + 5_000)
    assert (found.status, found.value, found.stale_since) == ("stale", 7.0, attempt.began)
    source.refresh_from_db()
    one.refresh_from_db()
    assert "refused" in source.last_error
    assert (one.failures, one.failing_since is not None, one.succeeded_at is not None) == (1, True, True)


def test_a_partial_answer_is_a_warning(pretender, source):
    make_kpi(KPI(metric="up", source=source))
    pretender.documents["/api/v1/query"] = vector("1") | {"isPartial": True}
    assert "partial" in pull(a_pull(source, pretender), NOW).error


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        [],
        {"status": "success"},
        {"status": "success", "data": []},
        data("vector", "x"),
        data("vector", ["x"]),
        data("vector", [{"metric": {}}]),
        data("vector", [{"metric": [], "value": [1, "1"]}]),
        data("vector", [{"metric": {}, "value": [1]}]),
        data("vector", [{"metric": {}, "value": [1, "one"]}]),
        data("vector", [{"metric": {}, "value": ["x", "1"]}]),
        data("vector", [{"metric": {"a": 5}, "value": [1e400, "1"]}]),
        data("vector", [{"metric": {}, "histogram": [1, {}]}]),
        data("planet", []),
        data(5, []),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_in_words(pretender, source, answer):
    make_kpi(KPI(metric="up", source=source))
    pretender.documents["/api/v1/query"] = answer
    with pytest.raises(PullFailed):
        pull(a_pull(source, pretender), NOW)


def test_where_the_time_is_not_enough_for_all_those_who_waited_come_next(pretender, source):
    one = a_pull(source, pretender, timeout_s=1)
    kpis = [make_kpi(KPI(metric=f"m{n}", source=source)) for n in range(3)]
    pretender.documents["/api/v1/query"] = lambda: time.sleep(0.6) or vector("1")
    asked = []
    for n in range(3):
        taken = pull(one, NOW + n * 15_000)
        assert "no time" in taken.error
        asked.append([window.kpi_id for window in taken.windows])
    assert asked == [[kpi.pk] for kpi in kpis]


def test_a_secret_is_in_no_error(pretender, source):
    one = a_pull(source, pretender, secret="s3cret")
    make_kpi(KPI(metric="up", source=source))
    with contextlib.suppress(PullFailed):
        pull(one)
    assert pretender.asked[0].headers["authorization"] == "Bearer s3cret"
    tried = try_pull(one)
    assert "404" in tried.error
    assert "s3cret" not in tried.error
