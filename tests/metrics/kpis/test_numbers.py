"""Numbers as people read them, in English and Russian."""

from __future__ import annotations

import pytest
from babel.numbers import format_decimal
from django.utils import translation
from django.utils.translation import to_locale

from metrics.kpis.numbers import number, signed, unit_of, with_unit

NB = "\N{NO-BREAK SPACE}"


def printed(value, unit="", language="en", precision=None):
    with translation.override(language):
        return number(value, unit, precision), unit_of(value, unit)


@pytest.mark.parametrize(
    "value, expected",
    [
        (4.82, "4.82"),
        (4.826, "4.83"),
        (94.6, "94.6"),
        (94.0, "94"),
        (342.4, "342"),
        (1284503917, "1,284,503,917"),
        (0, "0"),
        (0.000123, "0.000123"),
        (-5.25, "−5.25"),
        (9.999, "10"),
        (1e15, "1E15"),
        (-1e-12, "−1E−12"),
        (1e-9, "0.000000001"),
        (1000, "1,000"),
        (100, "100"),
        (2.675, "2.68"),
        (0.125, "0.125"),
        (-0.0, "0"),
        (None, "–"),
    ],
)
def test_a_value_has_three_significant_figures(value, expected):
    assert printed(value)[0] == expected


@pytest.mark.parametrize("precision, expected", [(0, "5"), (1, "4.8"), (3, "4.800"), (9, "4.800000000")])
def test_a_precision_is_kept(precision, expected):
    assert printed(4.8, precision=precision)[0] == expected


@pytest.mark.parametrize(
    "value, unit, expected",
    [
        (12_345_678_901, "B", ("12.3", "GB")),
        (512, "B", ("512", "B")),
        (999, "B", ("999", "B")),
        (999.4, "B/s", ("999", "B/s")),
        (999_999, "B/s", ("1", "MB/s")),
        (1000, "By", ("1", "kB")),
        (0, "B/s", ("0", "B/s")),
        (-2_500_000, "B", ("−2.5", "MB")),
        (3e18, "B", ("3,000", "PB")),
        (1500, "orders", ("1,500", "orders")),
        (3, "1/s", ("3", "/s")),
        (3, "/s", ("3", "/s")),
        (3, "ms", ("3", "ms")),
        (3, "%", ("3", "%")),
        (None, "B", ("–", "")),
    ],
)
def test_bytes_are_scaled_and_other_units_are_not(value, unit, expected):
    assert printed(value, unit) == expected


def test_russian_has_a_comma_and_a_no_break_space_and_its_own_units():
    assert printed(12_345_678_901, "B", "ru") == ("12,3", "ГБ")
    assert printed(1284503917, "₽", "ru") == (f"1{NB}284{NB}503{NB}917", "₽")


@pytest.mark.parametrize("value", [-0.04, -0.0, 0.0, 0.04])
def test_nothing_has_no_sign(value):
    assert printed(value, precision=1)[0] == "0.0"


@pytest.mark.parametrize("language", ["en", "ru", "de", "fr", "es", "pt-br", "zh-hans", "xx-unknown"])
@pytest.mark.parametrize("value", [0.0, 4.8, 2.675, 0.125, -1234567.891, 999999.5, 1e14])
@pytest.mark.parametrize("precision, pattern", [(0, "#,##0"), (2, "#,##0.00")])
def test_a_number_looks_as_babel_writes_it(language, value, precision, pattern):
    known = "en" if language.startswith("xx-") else to_locale(language)
    expected = format_decimal(value, pattern, known).replace("-", "−")
    assert number(value, precision=precision, language=language) == expected


def test_a_language_may_be_given_for_the_active_one():
    with translation.override("en"):
        assert number(4.82, language="ru") == "4,82"
        assert unit_of(5, "kB/s", language="ru") == "kB/с"
        assert with_unit(5, "ms", language="ru") == f"5{NB}мс"
        assert signed(4.2, percent=False, language="ru") == "+4,2"


def test_a_language_does_not_see_what_another_one_remembered():
    assert [printed(4.82, language=language)[0] for language in ("en", "ru", "en")] == ["4.82", "4,82", "4.82"]


@pytest.mark.parametrize(
    "amount, percent, expected",
    [
        (4.34, False, "+4.3"),
        (-3.9, False, "−3.9"),
        (18.4, True, f"+18{NB}%"),
        (4.2, True, f"+4.2{NB}%"),
        (9.94, True, f"+9.9{NB}%"),
        (9.96, True, f"+10{NB}%"),
        (0.0, True, f"0.0{NB}%"),
        (-0.04, True, f"0.0{NB}%"),
        (-1234.5, True, f"<−999{NB}%"),
    ],
)
def test_a_change_has_a_sign(amount, percent, expected):
    assert signed(amount, percent=percent) == expected


def test_a_limit_is_named_with_its_unit():
    assert with_unit(300, "ms") == f"300{NB}ms"
    assert with_unit(2_000_000, "B/s") == f"2{NB}MB/s"
    assert with_unit(5, "") == "5"


@pytest.mark.parametrize("amount, text", [(999, "+999\N{NO-BREAK SPACE}%"), (1000, ">999\N{NO-BREAK SPACE}%")])
def test_a_share_beyond_ten_times_is_not_counted_on(amount, text):
    assert signed(amount, percent=True, language="en") == text
