from __future__ import annotations

import json
import math
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.ingest.calls import Call, Outcome, Sender, Taken
from metrics.ingest.json_samples import answer, take
from metrics.ingest.problems import Problem
from metrics.series.readings import Identity, Reading

NOW = 1_795_154_400_000  # 2026-11-20T06:00:00Z
DAY = 86_400_000
SHOP = Sender(7, "shop")


def call(body, sender=SHOP):
    return Call("POST", "/api/samples", {}, {}, body, sender, NOW, NOW - DAY)


def decoded(document, sender=SHOP):
    body = (document if isinstance(document, str) else json.dumps(document)).encode()
    return take(call(body, sender)).readings


def problem(document):
    body = document if isinstance(document, bytes) else None
    with pytest.raises(Problem) as caught:
        take(call(body)) if body is not None else decoded(document)
    assert caught.value.status == 400
    return caught.value.message


def sample(**changes):
    return {"metric": "orders", "value": 42} | changes


def test_an_object_is_one_reading_at_the_time_of_its_receipt():
    assert decoded(sample()) == [Reading(Identity(7, "orders", ()), NOW, 42.0)]


def test_a_list_is_as_many_readings_in_its_order():
    values = [reading.value for reading in decoded([sample(value=value) for value in (3, 1, 2)])]
    assert values == [3.0, 1.0, 2.0]


def test_an_empty_list_is_no_reading():
    assert decoded([]) == []


def test_a_byte_order_mark_does_no_harm():
    assert len(take(call(b"\xef\xbb\xbf" + json.dumps(sample()).encode())).readings) == 1


def test_labels_are_sorted_and_empty_ones_are_absent():
    assert decoded(sample(labels={"b": "2", "a": "1", "c": ""}))[0].identity.labels == (("a", "1"), ("b", "2"))


def test_the_labels_of_the_source_are_added_where_there_are_none_of_the_name():
    shop = Sender(7, "shop", (("region", "eu"), ("site", "riga")))
    found = decoded([sample(labels={"site": "oslo", "a": "1"}), sample()], shop)
    assert [reading.identity.labels for reading in found] == [
        (("a", "1"), ("region", "eu"), ("site", "oslo")),
        (("region", "eu"), ("site", "riga")),
    ]


def test_samples_for_which_there_is_no_room_are_refused_only_if_nothing_else_came_with_them():
    taken = Taken(decoded([sample(), sample(metric="new")]))
    assert [answer(taken, Outcome(2 - refused, refused=refused)).status for refused in (0, 1, 2)] == [204, 204, 400]
    assert b"as many as it may" in answer(taken, Outcome(refused=2)).body


@pytest.mark.parametrize("document", [sample(ts=None), sample(labels=None), sample(labels={})])
def test_null_is_as_if_it_were_not_there(document):
    assert decoded(document) == decoded(sample())


@pytest.mark.parametrize("value", [0, -1, 0.5, 1e300, sys.float_info.max, -sys.float_info.max, 5e-324, 10**308])
def test_a_finite_number_is_taken(value):
    assert decoded(sample(value=value))[0].value == float(value)


@pytest.mark.parametrize(
    "value, got",
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("1e999", "Infinity"),
        ("1" + "0" * 309, "one of 310 digits"),
        ("true", "true"),
        ("false", "false"),
        ("null", "nothing"),
        ('"42"', '"42"'),
        ("[1]", "a list"),
        ("{}", "an object"),
    ],
)
def test_a_value_that_is_no_finite_number_is_refused(value, got):
    words = problem(f'[{{"metric": "a", "value": 1}}, {{"metric": "b", "value": {value}}}]')
    assert words == f"samples[1].value: expected a finite number, got {got}"


def test_a_missing_value_is_named():
    assert problem({"metric": "orders"}) == "value: expected a finite number, got nothing"


@pytest.mark.parametrize(
    "digits, words", [(4_300, "value: expected a finite number"), (5_000, "body: expected finite")]
)
def test_a_number_of_thousands_of_digits_is_refused(digits, words):
    assert problem(f'{{"metric": "a", "value": {"9" * digits}}}').startswith(words)


def test_an_unknown_field_is_named_since_it_may_be_a_typo():
    words = problem([sample(), {"metric": "a", "vlaue": 1}])
    assert words == "samples[1].vlaue: unknown field; expected metric, value, ts or labels"


@pytest.mark.parametrize("metric", ["a", "x" * 200, "заказы", "a.b/c d", "🛒"])
def test_a_metric_is_text_of_up_to_200_characters(metric):
    assert decoded(sample(metric=metric))[0].identity.metric == metric


@pytest.mark.parametrize(
    "metric, words",
    [
        ("", "metric: expected 1 to 200 characters, got none"),
        ("   ", "metric: expected 1 to 200 characters, got none"),
        ("x" * 201, "metric: expected at most 200 characters, got 201"),
        ("a\x00b", "metric: expected text without control characters, got U+0000"),
        ("a\nb", "metric: expected text without control characters, got U+000A"),
        ("\x7f!", "metric: expected text without control characters, got U+007F"),
        ("a\x9b31m", "metric: expected text without control characters, got U+009B"),
        ("\ud800", "metric: expected text without control characters, got U+D800"),
        (None, "metric: expected text, got nothing"),
        (5, "metric: expected text, got 5"),
        (["a"], "metric: expected text, got a list"),
    ],
)
def test_another_metric_is_refused(metric, words):
    assert problem(sample(metric=metric)) == words


@pytest.mark.parametrize(
    "ts, expected",
    [
        (NOW // 1000, NOW),
        (NOW / 1000 + 0.25, NOW + 250),
        ("2026-11-20T06:00:00Z", NOW),
        ("2026-11-20T08:00:00.125+02:00", NOW + 125),
        ("2026-11-20T06:00:00", NOW),
        ("2026-11-20 06:00", NOW),
        ("20261120T055959Z", NOW - 1_000),
    ],
)
def test_a_time_is_epoch_seconds_or_iso_8601_and_utc_without_a_zone(ts, expected):
    assert decoded(sample(ts=ts))[0].ts == expected


@pytest.mark.parametrize("ms", [NOW - DAY, NOW + 600_000])
def test_the_first_and_the_last_time_that_are_taken(ms):
    assert decoded(sample(ts=ms / 1000))[0].ts == ms


@pytest.mark.parametrize("ms", [NOW - DAY - 1, NOW + 600_001])
def test_a_time_beyond_is_refused_with_what_was_expected(ms):
    words = problem(sample(ts=ms / 1000))
    assert words.startswith("ts: expected a time from 2026-11-19T06:00:00Z to 2026-11-20T06:10:00Z, got 17")


def test_milliseconds_are_refused_with_a_hint():
    assert problem(sample(ts=NOW)).endswith("epoch time is given in seconds")


@pytest.mark.parametrize(
    "ts", [True, [], {}, "", "yesterday", "12:00", "NaN", "2026-13-01", "\x00", "٢٠٢٦-١١-٢٠T06:00"]
)
def test_what_is_no_time_is_refused(ts):
    assert problem([sample(ts=ts)]).startswith("samples[0].ts: expected epoch seconds or ISO 8601, got ")


@pytest.mark.parametrize("ts", ["NaN", "Infinity", "1e999", "1e308", "-1e308", "9" * 400, "9" * 4_300])
def test_a_time_beyond_all_numbers_is_refused(ts):
    assert problem(f'{{"metric": "a", "value": 1, "ts": {ts}}}').startswith("ts: expected ")


@pytest.mark.parametrize("ts", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01"])
def test_the_ends_of_the_calendar_are_refused(ts):
    assert problem(sample(ts=ts)).startswith("ts: expected a time from ")


def test_thirty_labels_are_taken_and_one_more_is_not():
    labels = {f"l{n}": "x" for n in range(30)}
    assert len(decoded(sample(labels=labels))[0].identity.labels) == 30
    assert problem(sample(labels=labels | {"l30": "x"})) == "labels: expected at most 30 labels, got 31"


def test_the_longest_label_is_taken():
    labels = {"n" * 128: "v" * 1024}
    assert decoded(sample(labels=labels))[0].identity.labels == tuple(labels.items())


@pytest.mark.parametrize(
    "labels, words",
    [
        ({"n" * 129: "v"}, f"the name of labels.{'n' * 40}…: expected at most 128 characters, got 129"),
        ({"n": "v" * 1025}, "labels.n: expected at most 1024 characters, got 1025"),
        ({"": "v"}, "the name of labels.: expected 1 to 128 characters, got none"),
        ({"n": 5}, "labels.n: expected text, got 5"),
        ({"n": True}, "labels.n: expected text, got true"),
        ({"n": None}, "labels.n: expected text, got nothing"),
        ({"n": "a\x00"}, "labels.n: expected text without control characters, got U+0000"),
        ({"n": "\udfff"}, "labels.n: expected text without control characters, got U+DFFF"),
        ([], "labels: expected an object of text by name, got a list"),
        ("n=v", 'labels: expected an object of text by name, got "n=v"'),
    ],
)
def test_other_labels_are_refused(labels, words):
    assert problem([sample(), sample(labels=labels)]) in (
        words.replace("labels", "samples[1].labels", 1),
        words.replace("the name of labels", "the name of samples[1].labels"),
    )


@pytest.mark.parametrize(
    "body, words",
    [
        (b"", "body: expected JSON, Expecting value at line 1, column 1"),
        (b"metric=orders&value=42", "body: expected JSON, Expecting value at line 1, column 1"),
        (b'{"metric": "a", "value": 1', "body: expected JSON, Expecting ',' delimiter at line 1, column 27"),
        (b'{"metric": "\xff"}', "body: expected UTF-8, byte 12 is not"),
        ('{"metric": "ä"}'.encode("utf-16"), "body: expected UTF-8, byte 0 is not"),
        (b"[" * 200_000, "body: expected an object or a list of objects, got a deeper nesting"),
        (b'{"labels":' * 100_000, "body: expected an object or a list of objects, got a deeper nesting"),
        (b"42", "body: expected an object or a list of objects, got 42"),
        (b"null", "body: expected an object or a list of objects, got nothing"),
        (b'[{"metric": "a", "value": 1}, 5]', "samples[1]: expected an object, got 5"),
        (b"[[]]", "samples[0]: expected an object, got a list"),
    ],
)
def test_a_body_that_is_no_list_of_samples_is_refused(body, words):
    assert problem(body) == words


def test_what_is_quoted_from_the_sender_is_short():
    assert len(problem(sample(value="x" * 100_000))) < 120
    assert len(problem(sample(**{"y" * 100_000: 1}))) < 150


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
anything = st.recursive(scalars, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3))
near_samples = st.fixed_dictionaries(
    {},
    optional={
        "metric": scalars,
        "value": scalars,
        "ts": scalars,
        "labels": st.dictionaries(st.text(), scalars) | scalars,
    },
)


def outcome(body):
    try:
        return take(call(body)).readings
    except Problem as error:
        return error.message


def check(body):
    """Either readings that the database takes, or a sentence of reasonable length."""
    result = outcome(body)
    if isinstance(result, str):
        assert 10 < len(result) < 400
        json.dumps(result).encode("ascii")
        return
    for (source, metric, labels), ts, value, *_rest in result:
        assert (source, type(ts), type(value)) == (7, int, float)
        assert math.isfinite(value)
        assert NOW - DAY <= ts <= NOW + 600_000
        assert 1 <= len(metric) <= 200
        for text in (metric, *(part for pair in labels for part in pair)):
            assert text.encode()
            assert "\x00" not in text


@given(st.lists(near_samples, max_size=3) | near_samples | anything)
@example([{"metric": "\ud800", "value": 1}])
def test_whatever_is_sent_gives_readings_or_a_sentence(document):
    check(json.dumps(document).encode())


@given(st.binary(max_size=60))
@example(b'{"metric":"a","value":1,"ts":1e400}')
def test_whatever_bytes_are_sent_give_a_sentence(body):
    check(body)
