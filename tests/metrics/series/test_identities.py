from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metrics.series.identities import SeriesIds
from metrics.series.readings import Identity, series_key, sorted_labels

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
    ids = SeriesIds(capacity=2)
    ids.remember({A: 1, B: 2})
    ids.known([A])
    ids.remember({C: 3})
    assert ids.known([A, B, C]) == {A: 1, C: 3}


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
