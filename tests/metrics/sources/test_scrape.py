from __future__ import annotations

import re
import time
import urllib.request

import pytest
from django.core.exceptions import ValidationError
from django.db.models import F
from prometheus_client.parser import text_string_to_metric_families

from live.clock import now_ms
from metrics.ingest.calls import Reason
from metrics.series.models import Sample, Series
from metrics.sources import scrape
from metrics.sources.models import Pull, Source
from metrics.sources.pulling import PullFailed, keep_of, puller_of
from tests.metrics.ingest.hostile_text import LONG
from tests.servers.processes import free_port
from tests.servers.prometheus import node_exporter
from tests.servers.pulled import pulled_server

OWN = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
EVERY_MS = 1_000

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page():
    with pulled_server() as pulled:
        pulled.documents["/metrics"] = b"a 1\n"
        yield pulled


@pytest.fixture
def pull(page):
    return pull_of(f"{page.url}/metrics")


@pytest.fixture
def clock():
    now = now_ms() - 60_000
    return iter(range(now, now + 1_000_000, EVERY_MS))


@pytest.fixture
def scrape_once(pull, clock):
    """Fetch and store as the collector does; what it came to, and the sentence of a failure."""

    def once(pull=pull):
        try:
            taken, error = puller_of(Source.Kind.SCRAPE).pull(pull, next(clock)), ""
        except PullFailed as failure:
            taken, error = failure.taken, str(failure)
        keep_of(Source.Kind.SCRAPE)(pull, taken)
        return taken, error

    return once


def pull_of(url, **options):
    labels = options.pop("labels", {})
    source = Source.objects.create(name="node", kind=Source.Kind.SCRAPE, labels=labels)
    return Pull.objects.create(source=source, url=url, **options)


def values(taken):
    return {reading.identity.metric: reading.value for reading in taken.readings if reading.identity.metric not in OWN}


def labels_of(taken, name):
    [labels] = [dict(reading.identity.labels) for reading in taken.readings if reading.identity.metric == name]
    return labels


def live():
    rows = Series.objects.filter(last_ts__isnull=False)
    return {row.name for row in rows if row.stale_at is None or row.stale_at < row.last_ts} - OWN


def newest(name):
    return Sample.objects.filter(series__name=name).latest("ts").value


def test_a_real_node_exporter_is_scraped(tmp_path, clock):
    with node_exporter(tmp_path) as url:
        pull = pull_of(url)
        with urllib.request.urlopen(url) as answer:
            text = answer.read().decode()
        taken = scrape.pull(pull, next(clock))
    scrape.keep(pull, taken)
    theirs = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    assert set(Series.objects.values_list("name", flat=True)) >= theirs - {"go_gc_duration_seconds"}
    constant = {"node_memory_MemTotal_bytes", "node_boot_time_seconds", "node_uname_info"} & theirs
    assert constant
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in constant:
                assert newest(sample.name) == sample.value
    assert Series.objects.get(name="node_memory_MemTotal_bytes").kind == "gauge"
    assert Series.objects.get(name="node_memory_MemTotal_bytes").unit == "B"
    assert set(Series.objects.filter(name="node_cpu_seconds_total").values_list("kind", "unit")) == {("counter", "s")}
    assert newest("up") == 1
    assert newest("scrape_samples_scraped") == text.count("\n") - len(re.findall("(?m)^#", text))
    assert 0 < newest("scrape_duration_seconds") < 5


def test_only_wanted_names_are_taken(page, pull, scrape_once):
    page.documents["/metrics"] = b"a_one 1\na_two 2\nb 3\nc 4\n"
    pull.names = "a_*\nc\n"
    taken, _error = scrape_once()
    assert values(taken) == {"a_one": 1, "a_two": 2, "c": 4}
    assert newest("scrape_samples_scraped") == 3


def test_openmetrics_is_asked_for_first_and_understood(page, pull, scrape_once):
    page.documents["/metrics"] = b"# TYPE a counter\na_total 3 %d\n# EOF\n" % (now_ms() // 1000 - 120)
    page.headers["/metrics"] = {"Content-Type": "application/openmetrics-text; version=1.0.0"}
    taken, _error = scrape_once()
    assert values(taken) == {"a_total": 3}
    assert Series.objects.get(name="a_total").kind == "counter"
    assert Sample.objects.get(series__name="a_total").ts % 1000 == 0
    accept = page.asked[0].headers["accept"]
    assert accept.index("application/openmetrics-text") < accept.index("text/plain")


def test_instance_and_job_are_added_where_they_are_missing(page, pull, scrape_once):
    page.documents["/metrics"] = b'a 1\nb{job="other",instance=""} 1\n'
    taken, _error = scrape_once()
    instance = page.url.removeprefix("http://")
    assert labels_of(taken, "a") == {"instance": instance, "job": "node"}
    assert labels_of(taken, "b") == {"instance": instance, "job": "other"}
    assert labels_of(taken, "up") == {"instance": instance, "job": "node"}


def test_the_sources_labels_are_added_and_may_name_the_instance(page, clock):
    pull = pull_of(f"{page.url}/metrics", labels={"instance": "db1", "site": "riga"})
    assert labels_of(scrape.pull(pull, next(clock)), "a") == {"instance": "db1", "job": "node", "site": "riga"}


def test_times_of_the_page_are_kept_and_those_that_cannot_be_are_counted(page, scrape_once):
    now = now_ms()
    page.documents["/metrics"] = f"a 1 {now - 5_000}\nb 1 1000\nc 1 {now + 86_400_000}\nd 1\n".encode()
    taken, _error = scrape_once()
    assert values(taken) == {"a": 1, "d": 1}
    assert Sample.objects.get(series__name="a").ts == now - 5_000
    assert taken.rejected == {Reason.TOO_OLD: 1, Reason.TOO_NEW: 1}
    assert taken.error.startswith("line 2: b is 1.0")


def test_what_cannot_be_taken_is_counted_and_the_rest_is_taken(page, scrape_once):
    many = ",".join(f'l{n}="1"' for n in range(29))
    page.documents["/metrics"] = f"a NaN\nb +Inf\n{'c' * 201} 1\nd{{{many}}} 1\ne 1\n".encode()
    taken, error = scrape_once()
    assert (values(taken), error) == ({"e": 1}, "")
    assert taken.rejected == {Reason.NOT_FINITE: 2, Reason.BAD_NAME: 1, Reason.BAD_LABELS: 1}
    assert newest("scrape_samples_scraped") == 5
    assert newest("up") == 1


def test_a_series_that_vanishes_from_the_page_ends(page, scrape_once):
    page.documents["/metrics"] = b'a 1\nb{x="1"} 1\nb{x="2"} 1\n'
    scrape_once()
    page.documents["/metrics"] = b'a 2\nb{x="2"} 1\n'
    scrape_once()
    gone = Series.objects.get(stale_at__isnull=False)
    assert (gone.name, gone.labels["x"], gone.stale_at) == ("b", "1", gone.last_ts + EVERY_MS)
    page.documents["/metrics"] = b'a 2\nb{x="1"} 1\n'
    scrape_once()
    assert [row.labels["x"] for row in Series.objects.filter(stale_at__gte=F("last_ts"))] == ["2"]


def test_a_scrape_that_fails_says_down_and_ends_everything_once(page, pull, scrape_once):
    scrape_once()
    assert live() == {"a"}
    page.statuses["/metrics"] = 503
    taken, error = scrape_once()
    assert error == "The server answered 503, not with a page."
    assert live() == set()
    assert (newest("up"), newest("scrape_samples_scraped")) == (0, 0)
    assert len(taken.ended) == 1
    taken, _error = scrape_once()
    assert (taken.ended, newest("up")) == ([], 0)
    page.statuses["/metrics"] = 200
    scrape_once()
    assert (live(), newest("up")) == ({"a"}, 1)


def test_a_try_changes_nothing(page, pull, scrape_once, clock):
    scrape_once()
    page.documents["/metrics"] = b"b 1\n"
    first, second = (scrape.pull(pull, next(clock)) for _try in range(2))
    assert [identity.metric for identity, _ts in first.ended] == ["a"]
    assert first.ended[0][0] == second.ended[0][0]


def test_two_sources_of_one_address_do_not_end_each_other(page, pull, scrape_once):
    other = Source.objects.create(name="other", kind=Source.Kind.SCRAPE)
    another = Pull.objects.create(source=other, url=pull.url, names="nothing")
    scrape_once()
    taken, _error = scrape_once(another)
    assert taken.ended == []


@pytest.mark.parametrize(
    "body, sentence",
    [
        (b"<!DOCTYPE html><html><body>Node Exporter</body></html>", "The page is HTML, not metrics."),
        (b'\n <html lang="en">', "The page is HTML, not metrics."),
        (b'{"up": 1}', "The page is JSON, not metrics."),
        (b"a 1\nb\n", "The page is not as Prometheus writes it: line 2: expected name"),
        (b"a 1\n\xff 1", "The page is not as Prometheus writes it: expected UTF-8"),
    ],
)
def test_a_page_that_is_no_metrics_is_said_to_be_so(page, scrape_once, body, sentence):
    page.documents["/metrics"] = body
    taken, error = scrape_once()
    assert error.startswith(sentence)
    assert newest("up") == 0
    assert values(taken) == {}


def test_an_exporter_that_is_down_is_said_to_be_so(clock):
    pull = pull_of(f"http://127.0.0.1:{free_port()}/metrics")
    with pytest.raises(PullFailed, match="Connection refused") as error:
        scrape.pull(pull, next(clock))
    assert labels_of(error.value.taken, "up") == {"instance": pull.url.split("/")[2], "job": "node"}


def test_an_exporter_that_hangs_is_left_after_the_time_limit(page, pull, scrape_once):
    pull.timeout_s = 1
    page.documents["/metrics"] = lambda: time.sleep(3) or b"a 1\n"
    began = time.monotonic()
    assert scrape_once()[1] == "There was no whole answer within the time limit."
    assert time.monotonic() - began < 2


def test_an_up_on_the_page_does_not_hide_ours(page, scrape_once):
    page.documents["/metrics"] = b"up 7\n"
    scrape_once()
    assert newest("up") == 1


def test_the_secret_is_sent_and_not_told(page, pull, scrape_once, caplog):
    caplog.set_level("DEBUG")
    pull.user, pull.secret = "scraper", "hidden-secret"
    page.statuses["/metrics"] = 401
    taken, error = scrape_once()
    assert page.asked[0].headers["authorization"].startswith("Basic ")
    assert "hidden-secret" not in f"{taken}{error}{caplog.text}"


@pytest.mark.parametrize("what", LONG)
def test_a_hostile_page_of_the_largest_size_ends_with_the_time_limit(page, pull, scrape_once, what):
    pull.timeout_s = 2
    page.documents["/metrics"] = (LONG[what] + b"\n") * (10 * 1024**2 // (len(LONG[what]) + 1))
    began = time.process_time()
    scrape_once()
    assert time.process_time() - began < 3


@pytest.mark.parametrize("url, good", [("http://host:9100/metrics", True), ("", False), ("host:9100", False)])
def test_an_address_is_checked_before_it_is_kept(url, good):
    pull = Pull(url=url)
    if good:
        scrape.check(pull)
    else:
        with pytest.raises(ValidationError) as error:
            scrape.check(pull)
        assert "url" in error.value.message_dict
