from __future__ import annotations

import pytest

from metrics.ingest.calls import Call, Reason, Sender
from metrics.ingest.naming import FUTURE_MS, BadLabels, BadName, fit_labels, fit_metric, identity, in_time
from metrics.series.readings import Identity

NOW, DAY = 1_795_154_400_000, 86_400_000


def call(labels=()):
    return Call("POST", "/", {}, {}, b"", Sender(7, "shop", labels), NOW, NOW - DAY)


@pytest.mark.parametrize("name", ["a", "x" * 200, "http.server.duration", "заказы"])
def test_a_name_is_kept_as_it_is(name):
    assert fit_metric(name) == name


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x00", "a\nb", "\ud800", "a\x9b"])
def test_a_name_that_cannot_be_kept_is_refused_with_its_place(name):
    with pytest.raises(BadName, match=r"^line 3: expected "):
        fit_metric(name, place="line 3")


def test_labels_are_sorted_and_empty_ones_do_not_count():
    assert fit_labels({"b": "2", "a": "1", "c": ""}) == (("a", "1"), ("b", "2"))
    many = {f"l{n:02}": "x" for n in range(30)}
    assert len(fit_labels(many | {"empty": ""})) == 30
    assert fit_labels({"n" * 128: "v" * 1024})


@pytest.mark.parametrize(
    "labels",
    [
        {f"l{n}": "x" for n in range(31)},
        {"n" * 129: "v"},
        {"n": "v" * 1025},
        {"": "v"},
        {" ": "v"},
        {"n\n": "v"},
        {"n": "\x00"},
    ],
)
def test_labels_that_cannot_be_kept_are_refused_with_their_place(labels):
    with pytest.raises(BadLabels, match=r"^(the name of )?line 3.*expected "):
        fit_labels(labels, place="line 3")


@pytest.mark.parametrize(
    "ts, reason",
    [
        (NOW, None),
        (NOW - DAY, None),
        (NOW - DAY - 1, Reason.TOO_OLD),
        (NOW + FUTURE_MS, None),
        (NOW + FUTURE_MS + 1, Reason.TOO_NEW),
        (-(10**30), Reason.TOO_OLD),
    ],
)
def test_a_time_is_within_what_is_kept_and_ten_minutes_ahead(ts, reason):
    assert in_time(ts, call()) == reason


def test_a_series_has_the_labels_of_its_source_where_it_has_none_of_that_name():
    of_source = (("region", "eu"), ("site", "riga"))
    assert identity(call(of_source), "a", (("site", "oslo"),)) == Identity(7, "a", (("region", "eu"), ("site", "oslo")))
    assert identity(call(), "a", (("site", "oslo"),)) == Identity(7, "a", (("site", "oslo"),))
