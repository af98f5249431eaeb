"""Typed readers of environment variables."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from dashboard_site.environment import duration, urls

SCHEMES = ("postgres", "sqlite")


def test_addresses_are_found_by_what_stands_between_prefix_and_suffix(monkeypatch):
    monkeypatch.setenv("DATABASES_SHOP_URL", "postgres://reader:x@host/shop")
    monkeypatch.setenv("DATABASES_OLD_SHOP_URL", "sqlite:////old.sqlite3")
    monkeypatch.setenv("DATABASES_EMPTY_URL", "")
    monkeypatch.setenv("DATABASES_URL", "postgres://host/x")
    monkeypatch.setenv("DATABASES__URL", "postgres://host/x")
    assert urls("DATABASES_", "_URL", SCHEMES) == {
        "shop": "postgres://reader:x@host/shop",
        "old_shop": "sqlite:////old.sqlite3",
    }


def test_an_address_of_another_kind_is_refused_by_its_variable_and_without_its_password(monkeypatch):
    monkeypatch.setenv("DATABASES_SHOP_URL", "oracle://bob:s3cret@host/shop")
    with pytest.raises(ImproperlyConfigured) as caught:
        urls("DATABASES_", "_URL", SCHEMES)
    assert "DATABASES_SHOP_URL" in str(caught.value)
    assert "s3cret" not in str(caught.value)


DAY_MS = 86_400_000


def kept():
    return duration("RETENTION_RAW", "24h", low="3h", high="90d")


@pytest.mark.parametrize(
    "given, ms",
    [("", DAY_MS), ("3h", DAY_MS // 8), ("180m", DAY_MS // 8), ("10800s", DAY_MS // 8), ("90d", 90 * DAY_MS)],
)
def test_a_duration_is_a_number_and_a_unit(monkeypatch, given, ms):
    monkeypatch.setenv("RETENTION_RAW", given)
    assert kept() == ms


@pytest.mark.parametrize("given", ["2h", "91d", "1y", "24", "h", "-7d", "1.5d", "7 d", "7D", "99999999999d", "٧d"])
def test_a_duration_that_cannot_be_used_is_refused_with_what_was_expected(monkeypatch, given):
    monkeypatch.setenv("RETENTION_RAW", given)
    with pytest.raises(ImproperlyConfigured, match=r"RETENTION_RAW=.*: expected a time from 3h to 90d"):
        kept()
