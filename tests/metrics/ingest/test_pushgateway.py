from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.clock import now_ms
from metrics.ingest.calls import Call, Outcome, Reason, Sender
from metrics.ingest.problems import Problem
from metrics.ingest.pushgateway import ENDPOINTS, take
from metrics.series.models import Sample, Series
from metrics.series.readings import Identity, Reading
from metrics.series.storing import store
from tests.metrics.ingest.hostile_text import LONG, exposition_bodies

[ENDPOINT] = ENDPOINTS
OWN = {"push_time_seconds", "push_failure_time_seconds"}


@pytest.fixture
def push(shop, clock):
    """`push(body, path)`: take and store as the server does; the status and the sentence of the answer."""

    def push(body="", path="/metrics/job/backup", method="PUT", *, labels=(), **headers):
        taken = take(call(body, path, method, source=shop.pk, now=next(clock), labels=labels, headers=headers))
        store(taken.readings, ended=taken.ended)
        answer = ENDPOINT.answer(taken, Outcome(len(taken.readings)))
        return answer.status, answer.body.decode()

    return push


@pytest.fixture
def clock():
    now = now_ms() - 3_600_000
    return iter(range(now, now + 1_000_000, 1_000))


def call(body="", path="/metrics/job/backup", method="PUT", *, source=1, now=None, labels=(), headers=None):
    body = body.encode() if isinstance(body, str) else body
    now = now or now_ms()
    return Call(method, path, {}, headers or {}, body, Sender(source, "shop", labels), now, now - 24 * 3_600_000)


def live():
    """The series that have not ended, without those that the group has of itself: name, labels and newest value."""
    rows = [row for row in Series.objects.all() if row.stale_at is None or row.stale_at < row.last_ts]
    return {
        (row.name, *(f"{name}={value}" for name, value in sorted(row.labels.items()))): newest(row)
        for row in rows
        if row.name not in OWN
    }


def own(name):
    return {tuple(sorted(row.labels.items())): newest(row) for row in Series.objects.filter(name=name)}


def newest(row):
    return Sample.objects.filter(series=row).latest("ts").value


def test_put_replaces_the_group(push):
    push('a 1\nb{x="1"} 2\nb{x="2"} 3\n')
    assert push('b{x="2"} 4\nc 5') == (200, "")
    assert live() == {("b", "job=backup", "x=2"): 4, ("c", "job=backup"): 5}


def test_post_replaces_the_metrics_that_are_in_it(push):
    push('a 1\nb{x="1"} 2\nb{x="2"} 3\n')
    assert push('b{x="2"} 4\nc 5', method="POST") == (200, "")
    assert live() == {("a", "job=backup"): 1, ("b", "job=backup", "x=2"): 4, ("c", "job=backup"): 5}


def test_delete_ends_the_group_and_a_push_makes_it_live_again(push):
    push("a 1")
    assert push(method="DELETE") == (202, "")
    assert live() == {}
    assert not Series.objects.filter(stale_at=None).exists()
    push("a 2")
    assert live() == {("a", "job=backup"): 2}


def test_deleting_an_unknown_group_is_fine(push):
    assert push(method="DELETE") == (202, "")
    assert not Series.objects.exists()


def test_an_empty_put_leaves_nothing_and_an_empty_post_everything(push):
    push("a 1")
    assert push(method="POST") == (200, "")
    assert live() == {("a", "job=backup"): 1}
    assert push() == (200, "")
    assert live() == {}


def test_groups_do_not_touch_each_other(push):
    small, large = "/metrics/job/backup", "/metrics/job/backup/host/db1"
    push('a{host="db1"} 1', small)
    push("b 2", large)
    push("c 3", small)
    assert live() == {("b", "host=db1", "job=backup"): 2, ("c", "job=backup"): 3}
    push("d 4", large)
    assert live() == {("d", "host=db1", "job=backup"): 4, ("c", "job=backup"): 3}
    push(path="/metrics/job/other", method="DELETE")
    assert len(live()) == 2


def test_what_the_source_sends_by_other_ways_is_not_of_the_group(push, shop, clock):
    store([Reading(Identity(shop.pk, "temperature", (("job", "backup"),)), next(clock), 21.0)])
    push("a 1")
    push(method="DELETE")
    assert live() == {("temperature", "job=backup"): 21}


def test_another_sources_group_of_the_same_name_goes_on(push, shop):
    other = type(shop).objects.create(name="other")
    taken = take(call("a 1", source=other.pk))
    store(taken.readings)
    push("a 2")
    push(method="DELETE")
    assert live() == {("a", "job=backup"): 1}


def test_a_group_whose_pushes_are_forgotten_is_replaced_all_the_same(push, shop, clock):
    push("a 1")
    Sample.objects.filter(series__name="push_time_seconds").delete()
    taken = take(call("b 1", source=shop.pk, now=next(clock) + 25 * 3_600_000))
    assert [identity.metric for identity, _ts in taken.ended] == ["a"]


def test_labels_of_the_path_win_over_those_of_the_body(push):
    push('a{job="x",host="y",z="1"} 1', "/metrics/job/backup/host/db1/empty@base64/=")
    assert live() == {("a", "host=db1", "job=backup", "z=1"): 1}


def test_an_empty_label_of_the_path_removes_that_of_the_body(push):
    push('a{zone="b"} 1', "/metrics/job/backup/zone@base64/=")
    assert live() == {("a", "job=backup"): 1}


def test_the_sources_own_labels_are_added_and_still_name_the_group(push):
    labels = (("job", "never"), ("site", "riga"))
    push("a 1", labels=labels)
    push("b 2", labels=labels)
    assert live() == {("b", "job=backup", "site=riga"): 2}


def test_kind_unit_and_help_are_kept(push):
    push("# HELP t_seconds How long.\n# TYPE t_seconds counter\nt_seconds 1\n")
    assert list(Series.objects.filter(name="t_seconds").values_list("kind", "unit", "help")) == [
        ("counter", "s", "How long.")
    ]


def test_the_group_tells_when_it_was_pushed_and_when_that_failed(push, clock):
    first = next(clock)
    push("a 1")
    group = (("job", "backup"),)
    assert own("push_time_seconds") == {group: (first + 1_000) / 1000}
    assert own("push_failure_time_seconds") == {group: 0}
    assert push("garbage")[0] == 400
    push("a 2")
    assert own("push_failure_time_seconds") == {group: (first + 2_000) / 1000}
    assert own("push_time_seconds") == {group: (first + 3_000) / 1000}


def test_a_push_stores_once_and_grows_old(push):
    push("a 1")
    push("b 1", method="POST")
    assert Sample.objects.filter(series__name="a").count() == 1


@pytest.mark.parametrize(
    "body, sentence",
    [
        ("a 1\ngarbage\n", "line 2: expected name"),
        ("a 1 1795154400000\n", "line 1: expected no time"),
        ('a{x="1"} 1\na{x="1"} 2\n', "line 2: expected each series once"),
        ('a{job="1"} 1\na{job="2"} 2\n', "line 2: expected each series once"),
        ("push_time_seconds 1\n", "line 1: expected each series once"),
        ("# TYPE a gauge\n# TYPE a counter\na 1\n", "line 2: expected one TYPE"),
        ('a{x-y="1"} 1\n', "line 1: expected name"),
        ('a{__x="1"} 1\n', "line 1: expected name"),
        ("a" * 201 + " 1\n", "line 1: expected at most 200 characters"),
        ("a{" + ",".join(f'l{n}="1"' for n in range(30)) + "} 1\n", "line 1: expected at most 30 labels"),
        (b"a\xff 1\n", "expected UTF-8"),
    ],
)
def test_a_bad_body_is_refused_as_a_whole(push, body, sentence):
    push("old 1")
    status, said = push(body)
    assert (status, said.count("\n")) == (400, 1)
    assert sentence in said
    assert live() == {("old", "job=backup"): 1}


def test_what_is_not_finite_is_counted_and_ends(push, shop):
    push("a 1\nb 2\nc 3")
    taken = take(call("a NaN\nb +Inf\nc 4", source=shop.pk, method="POST"))
    assert taken.rejected == {Reason.NOT_FINITE: 2}
    assert "line 1: expected a finite number" in taken.error
    assert push("a NaN\nb +Inf\nc 4", method="POST") == (200, "")
    assert live() == {("c", "job=backup"): 4}


@given(body=exposition_bodies(), path=st.text(max_size=30))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_is_taken_or_refused(shop, body, path):
    for at in ("/metrics/job/backup", "/metrics/job/" + path):
        for method in ("PUT", "POST", "DELETE"):
            with contextlib.suppress(Problem):
                taken = take(call(body, at, method, source=shop.pk))
                store(taken.readings, ended=taken.ended)
                assert ENDPOINT.answer(taken, Outcome()).status in (200, 202, 400)


@pytest.mark.parametrize("what", LONG)
def test_a_hostile_body_of_the_largest_size_takes_less_than_a_second(shop, what):
    body = (LONG[what] + b"\n") * (ENDPOINT.unpacked // len(LONG[what]))
    began = time.process_time()
    with contextlib.suppress(Problem):
        take(call(body, source=shop.pk))
    assert time.process_time() - began < 1
