from __future__ import annotations

import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from metrics.series.identities import SeriesIds
from metrics.series.readings import Identity, series_key, sorted_labels, weight

MIB = 1024 * 1024
A, B, C = (Identity(1, name) for name in "abc")
labels = st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=4)


def test_what_was_remembered_is_known_and_nothing_else():
    ids = SeriesIds()
    ids.remember({A: 1, B: 2})
    assert ids.known([A, C]) == {A: 1}


def test_what_was_forgotten_is_not_known():
    ids = SeriesIds()
    ids.remember({A: 1, B: 2})
    ids.forget([A, C])
    assert ids.known([A, B]) == {B: 2}


def test_the_least_recently_used_is_dropped_first():
    ids = SeriesIds(budget=2 * weight("a", ()))
    ids.remember({A: 1, B: 2})
    ids.known([A])
    ids.remember({C: 3})
    assert ids.known([A, B, C]) == {A: 1, C: 3}


def test_what_was_forgotten_or_comes_again_takes_no_room():
    ids = SeriesIds(budget=2 * weight("a", ()))
    for _ in range(10):
        ids.remember({A: 1})
        ids.remember({A: 1, B: 2})
        ids.forget([B, C])
    ids.remember({C: 3})
    assert ids.known([A, B, C]) == {A: 1, C: 3}


def test_long_labels_take_no_more_memory_than_short_ones():
    """30 labels of the longest: 1,500 of them would be 100 MiB."""
    ids = SeriesIds(budget=4 * MIB)
    tracemalloc.start()
    for number in range(1_500):
        labels = tuple((f"{name:0128}", f"漢{number:01022}") for name in range(30))
        series_key("漢" * 200, labels)
        ids.remember({Identity(1, "漢" * 200, labels): number})
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 40 * MIB


@given(name=st.text(max_size=300), labels=st.dictionaries(st.text(max_size=60), st.text(max_size=60), max_size=12))
def test_no_more_is_taken_than_is_counted(name, labels):
    pairs = sorted_labels(labels)
    texts = [name, *(text for pair in pairs for text in pair)]
    taken = sum(map(sys.getsizeof, [*texts, *pairs, pairs]))
    assert taken < weight(name, pairs) < 3 * taken + 400


def test_the_order_of_labels_makes_no_other_series():
    assert sorted_labels({"b": "2", "a": "1"}) == sorted_labels({"a": "1", "b": "2"})


def test_an_empty_label_is_no_label():
    assert sorted_labels({"a": "", "b": "2"}) == (("b", "2"),)


def test_a_key_is_sixteen_bytes_and_the_same_in_every_process():
    assert series_key("orders", (("region", "eu"),)).hex() == "a789344a07c0ccd4f223ab3f8f5ce4bf"


@given(st.text(), labels, st.text(), labels)
def test_different_names_or_labels_have_different_keys(name, some, other_name, others):
    here, there = (name, sorted_labels(some)), (other_name, sorted_labels(others))
    assert (series_key(*here) == series_key(*there)) == (here == there)
