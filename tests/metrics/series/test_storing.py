from __future__ import annotations

import random
import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from metrics.series import storing
from metrics.series.models import Sample, Series
from metrics.series.readings import Identity, Reading
from metrics.series.storing import store
from metrics.sources.models import Source
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)


def samples():
    return sorted(Sample.objects.values_list("series__name", "ts", "value"))


def test_a_reading_becomes_a_sample_of_a_new_series(shop):
    stored = store([reading(shop.pk, value=42.0, region="eu")])
    series = Series.objects.get()
    assert samples() == [("orders", T0, 42.0)]
    assert (series.name, series.labels, series.source, series.total) == ("orders", {"region": "eu"}, shop, 1)
    assert (stored.touched, stored.created, stored.new) == ({series.pk}, {series.pk}, 1)


def test_unit_and_kind_of_the_first_reading_describe_the_series(shop):
    identity = Identity(shop.pk, "queue")
    store([Reading(identity, T0, 1.0, "B", "gauge"), Reading(identity, T0 + 1, 1.0, "s", "counter")])
    assert Series.objects.values_list("unit", "kind").get() == ("B", "gauge")


def test_a_series_that_exists_is_used_again_whatever_the_order_of_its_labels(shop):
    store([reading(shop.pk, a="1", b="2")])
    again = store([reading(shop.pk, T0 + 1, b="2", a="1")])
    assert again.created == frozenset()
    assert Series.objects.get().total == 2


def test_two_sources_never_share_a_series(shop):
    other = Source.objects.create(name="other")
    store([reading(shop.pk), reading(other.pk)])
    assert Series.objects.count() == 2


def test_the_first_value_for_a_time_wins_and_the_second_is_counted(shop):
    store([reading(shop.pk, value=1.0)])
    again = store([reading(shop.pk, value=2.0), reading(shop.pk, T0 + 1, 3.0)])
    assert samples() == [("orders", T0, 1.0), ("orders", T0 + 1, 3.0)]
    assert (again.new, again.duplicates) == (1, 1)


def test_the_first_value_wins_within_a_batch_too(shop):
    stored = store([reading(shop.pk, value=1.0), reading(shop.pk, value=2.0)])
    assert samples() == [("orders", T0, 1.0)]
    assert (stored.new, stored.duplicates, Series.objects.get().total) == (1, 1, 1)


def test_a_batch_that_is_there_already_touches_nothing(shop):
    store([reading(shop.pk)])
    before = Series.objects.values().get()
    assert store([reading(shop.pk)]).touched == frozenset()
    assert Series.objects.values().get() == before


def test_nothing_to_store_is_no_error(shop):
    assert store([]).new == 0


def test_late_samples_raise_the_total_and_leave_the_newest_time(shop):
    store([reading(shop.pk, T0 + 60_000)])
    store([reading(shop.pk, T0)])
    assert Series.objects.values_list("last_ts", "total").get() == (T0 + 60_000, 2)


def test_the_interval_is_observed(shop):
    for second in (0, 10, 20):
        store([reading(shop.pk, T0 + second * 1_000)])
    assert Series.objects.get().interval_ms == 10_000


def test_what_the_rollups_do_not_know_is_marked_by_the_same_transaction(shop):
    store([reading(shop.pk, T0 + 5_000), reading(shop.pk, T0 + 9_000)])
    store([reading(shop.pk, T0 + 1_000)])
    assert Series.objects.values_list("dirty_from", "dirty_to").get() == (T0 + 1_000, T0 + 9_000)


@pytest.mark.parametrize("value", [0.1, 0.0, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 1 / 3])
def test_a_value_comes_back_as_it_was(shop, value):
    store([reading(shop.pk, value=value)])
    assert repr(Sample.objects.get().value) == repr(value)


def test_text_of_every_script_comes_back_as_it_was(shop):
    store([reading(shop.pk, metric='заказы 🛒 "q" \\ \'', région="Île-de-France")])
    assert Series.objects.values_list("name", "labels").get() == ('заказы 🛒 "q" \\ \'', {"région": "Île-de-France"})


@pytest.mark.parametrize("size", [1, 300, 3_000])
def test_the_number_of_statements_does_not_grow_with_the_batch(shop, size):
    def batch(offset):
        return [reading(shop.pk, T0 + offset + n, metric=f"m{n % 40}") for n in range(size)]

    store(batch(0))
    with CaptureQueriesContext(connection) as queries:
        assert store(batch(100_000)).new == size
    assert len([q for q in queries if "last_seen_at" not in q["sql"]]) == 5


def test_a_batch_of_more_rows_than_a_statement_takes_is_stored_whole(shop):
    readings = [reading(shop.pk, T0 + n) for n in range(12_000)]
    assert store(readings).new == 12_000
    assert Series.objects.get().total == 12_000


def test_shuffled_and_repeated_batches_are_stored_once(shop):
    readings = [reading(shop.pk, T0 + n, float(n), metric=f"m{n % 7}") for n in range(500)]
    for seed in range(3):
        random.Random(seed).shuffle(readings)
        store(readings[: 300 + seed * 100])
    assert Sample.objects.count() == 500
    assert sum(Series.objects.values_list("total", flat=True)) == 500


def test_a_series_that_was_deleted_is_made_anew(shop):
    store([reading(shop.pk)])
    Series.objects.all().delete()
    assert len(store([reading(shop.pk, T0 + 1)]).created) == 1
    assert samples() == [("orders", T0 + 1, 1.0)]


def test_an_id_that_was_given_to_another_series_is_not_trusted(shop):
    store([reading(shop.pk)])
    row = Series.objects.get()
    Series.objects.filter(pk=row.pk).update(name="foreign", key=b"0123456789abcdef")
    store([reading(shop.pk, T0 + 1)])
    assert samples() == [("foreign", T0, 1.0), ("orders", T0 + 1, 1.0)]


def test_a_transaction_that_is_undone_leaves_no_memory_of_its_series(shop):
    with pytest.raises(RuntimeError), transaction.atomic():
        store([reading(shop.pk, metric="undone")])
        raise RuntimeError
    Series.objects.create(source=shop, name="other", key=b"0123456789abcdef")
    store([reading(shop.pk, metric="undone")])
    assert samples() == [("undone", T0, 1.0)]


def test_what_is_raised_before_the_commit_undoes_everything(shop):
    def refuse():
        assert Sample.objects.count() == 1, "called as the last act"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store([reading(shop.pk)], before_commit=refuse)
    assert (Sample.objects.count(), Series.objects.count()) == (0, 0)


def test_a_source_that_is_gone_is_refused_and_its_neighbours_are_stored(shop):
    gone = reading(shop.pk + 1_000)
    stored = store([gone, reading(shop.pk)])
    assert (stored.new, stored.refused) == (1, {gone.identity})


def limit(series):
    Source.objects.update(series_limit=series)


def test_the_last_series_within_the_limit_is_taken_and_the_next_refused(shop):
    limit(2)
    over = reading(shop.pk, metric="c")
    stored = store([reading(shop.pk, metric="a"), reading(shop.pk, metric="b"), over])
    assert (stored.new, stored.refused) == (2, {over.identity})
    shop.refresh_from_db()
    assert shop.refused == 1
    assert shop.last_error.startswith("c: refused")


def test_existing_series_flow_on_when_the_limit_is_reached(shop):
    store([reading(shop.pk, metric="a")])
    limit(1)
    store([reading(shop.pk, T0 + 1, metric="a"), reading(shop.pk, T0 + 1, metric="b")])
    store([reading(shop.pk, T0 + 2, metric="b"), reading(shop.pk, T0 + 3, metric="b")])
    assert [name for name, _ts, _value in samples()] == ["a", "a"]
    shop.refresh_from_db()
    assert shop.refused == 3


def test_each_source_has_a_limit_of_its_own(shop):
    other = Source.objects.create(name="other", series_limit=3)
    Source.objects.filter(pk=shop.pk).update(series_limit=1)
    stored = store([reading(source, metric=name) for source in (shop.pk, other.pk) for name in "abcd"])
    assert stored.new == 4
    assert [sum(identity.source == source.pk for identity in stored.refused) for source in (shop, other)] == [3, 1]


@pytest.mark.parametrize("kind", ["scrape", "http", "sql"])
def test_what_is_fetched_has_a_limit_too(shop, kind):
    Source.objects.update(kind=kind, series_limit=1)
    assert store([reading(shop.pk, metric=name) for name in "ab"]).new == 1


@pytest.mark.parametrize("kind", ["host", "own"])
def test_our_own_sources_have_no_limit(shop, kind):
    Source.objects.update(kind=kind, series_limit=1)
    assert store([reading(shop.pk, metric=name) for name in "ab"]).new == 2


@pytest.mark.parametrize("days, taken", [(29, 0), (31, 1)])
def test_series_that_were_silent_for_a_month_free_their_place(shop, days, taken, monkeypatch):
    limit(1)
    store([reading(shop.pk, metric="a")])
    later = T0 + days * 86_400_000
    monkeypatch.setattr(storing, "now_ms", lambda: later)
    assert store([reading(shop.pk, later, metric="b")]).new == taken


def test_a_source_that_sends_was_seen(shop):
    store([reading(shop.pk)])
    shop.refresh_from_db()
    assert shop.last_seen_at is not None


def test_threads_that_store_the_same_series_lose_nothing(shop):
    def send(part):
        for n in range(20):
            store([reading(shop.pk, T0 + n * 10 + part, metric=f"m{m}") for m in random.sample(range(10), 10)])
        connection.close()

    threads = [threading.Thread(target=send, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Sample.objects.count() == 800
    assert set(Series.objects.values_list("total", flat=True)) == {80}


def test_deleting_a_source_takes_its_series_and_samples_along(shop):
    store([reading(shop.pk)])
    shop.delete()
    assert (Series.objects.count(), Sample.objects.count()) == (0, 0)
