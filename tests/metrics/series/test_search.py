"""Finding series by what people type, page by page."""

from __future__ import annotations

import pytest

from metrics.series.search import SIZE, find
from tests.metrics.kpis.arranging import a_series, a_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def few():
    a_series("node_load1", labels={"instance": "db1"})
    a_series("node_load5", labels={"instance": "db2", "zone": "eu west"})
    a_series("Orders", source=a_source("till"), labels={"region": "eu"})
    a_series("orders", source=a_source("web"), labels={"source": "till"})


def names(query: str, after: str = "") -> list[str]:
    return sorted(f"{one.source.name}/{one.name}" for one in find(query, after).series)


@pytest.mark.parametrize(
    "query, found",
    [
        ("load", ["shop/node_load1", "shop/node_load5"]),
        ("LOAD5", ["shop/node_load5"]),
        ("instance=db1", ["shop/node_load1"]),
        ('instance="db1"', ["shop/node_load1"]),
        ("load instance=db2", ["shop/node_load5"]),
        ("orders instance=db2", []),
        ("source=till", ["till/Orders", "web/orders"]),
        ("instance=DB1", []),
        ("instance=", []),
        ("=db1", []),
        ("%", []),
        ("_load", ["shop/node_load1", "shop/node_load5"]),
        ("a_ b_", []),
        ("\0", ["shop/node_load1", "shop/node_load5", "till/Orders", "web/orders"]),
        ("load\0", ["shop/node_load1", "shop/node_load5"]),
        ("no'such\"$.x=1", []),
    ],
)
def test_every_word_must_fit(few, query, found):
    assert names(query) == found


def walked(query: str) -> list[int]:
    seen, after = [], ""
    while True:
        page = find(query, after)
        seen += [one.pk for one in page.series]
        after = page.after
        if not after:
            return seen


@pytest.mark.parametrize("count", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE + 1])
def test_the_pages_bring_each_series_once(count):
    made = [a_series("orders" if n % 3 else f"orders{n}", labels={"n": str(n)}).pk for n in range(count)]
    seen = walked("orders")
    assert sorted(seen) == sorted(made)
    assert len(seen) == len(set(seen))


def test_a_page_stays_right_when_its_last_series_has_gone():
    made = [a_series("orders", labels={"n": str(n)}) for n in range(SIZE + 2)]
    page = find("orders")
    page.series[-1].delete()
    assert [one.pk for one in find("orders", page.after).series] == [one.pk for one in made[SIZE:]]


@pytest.mark.parametrize("after", ["x", ":", "1", "-1:a", "9" * 40 + ":a", "１:a"])
def test_a_place_that_is_none_is_the_beginning(few, after):
    assert len(find("", after).series) == 4


def test_a_page_costs_one_query(few, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert [one.source.name for one in find("load instance=db1").series] == ["shop"]
