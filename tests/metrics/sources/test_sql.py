"""Queries that read other people's databases."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import environ
import psycopg
import pytest
from django.core.exceptions import ValidationError

from metrics.ingest.calls import Call, Reason, Sender
from metrics.sources import sql
from metrics.sources.models import Pull, Source
from metrics.sources.pulling import PullFailed
from metrics.sources.sql import ROWS, Answer, take

pytestmark = pytest.mark.django_db  # pytest-django lets nobody connect otherwise, not even to other databases

NOW = 1_795_154_400_000
CALL = Call("GET", "", {}, {}, b"", Sender(7, "shop"), NOW, NOW - 3_600_000)
SCHEMA = "CREATE TABLE orders (id integer, site varchar(20), total numeric, note text)"
ROW = "INSERT INTO orders VALUES (1, 'riga', 12.5, NULL), (2, 'riga', 7.5, 'x'), (3, 'oslo', 100, NULL)"


class Shop:
    """A database that is not Watchfloor's; `run` changes it as its owner does."""

    def __init__(self, url: str) -> None:
        self.url = url

    def run(self, *statements: str) -> list:
        is_file = self.url.startswith("sqlite")
        connection = sqlite3.connect(self.url.removeprefix("sqlite:///")) if is_file else psycopg.connect(self.url)
        with closing(connection), connection:
            return [connection.execute(statement) for statement in statements][-1].fetchall()


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request, tmp_path, settings):
    if request.param == "sqlite":
        shop = Shop(f"sqlite:///{tmp_path}/shop with space.sqlite3")
        config = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{tmp_path}/shop with space.sqlite3"}
    else:
        shop = Shop(request.getfixturevalue("postgres_url"))
        config = environ.Env.db_url_config(shop.url)
    shop.run(SCHEMA, ROW, "SELECT 1")
    settings.SQL_SOURCES = {"shop": config}
    return shop


def ask(query, *, timeout_s=5, database="shop"):
    """What a query brings, as (metric, labels, value)."""
    source = Source(pk=7, name="shop", kind="sql", labels={"env": "test"})
    taken = sql.pull(Pull(source=source, database=database, query=query, timeout_s=timeout_s), NOW)
    assert all(reading.ts == NOW and reading.identity.source == 7 for reading in taken.readings)
    return [(r.identity.metric, dict(r.identity.labels) | {}, r.value) for r in taken.readings]


def failure(query, **options):
    with pytest.raises(PullFailed) as caught:
        ask(query, **options)
    return str(caught.value)


def test_columns_of_numbers_are_values_and_columns_of_texts_are_labels(shop):
    found = ask("SELECT site, count(*) AS orders, sum(total) AS turnover FROM orders GROUP BY site ORDER BY site;")
    assert found == [
        ("orders", {"env": "test", "site": "oslo"}, 1.0),
        ("turnover", {"env": "test", "site": "oslo"}, 100.0),
        ("orders", {"env": "test", "site": "riga"}, 2.0),
        ("turnover", {"env": "test", "site": "riga"}, 20.0),
    ]


def test_a_column_metric_names_what_stands_in_the_column_value(shop):
    query = "SELECT 'orders.' || site AS metric, site, sum(total) AS value FROM orders GROUP BY site ORDER BY site"
    assert [row[::2] for row in ask(query)] == [("orders.oslo", 100.0), ("orders.riga", 20.0)]


def test_a_percent_sign_is_only_a_percent_sign(shop):
    assert ask("SELECT count(*) AS n FROM orders WHERE site LIKE 'r%'") == [("n", {"env": "test"}, 2.0)]


def test_no_row_is_no_value_and_no_error(shop):
    assert ask("SELECT total FROM orders WHERE id = 99") == []


@pytest.mark.parametrize(
    "attempt",
    [
        "INSERT INTO orders VALUES (4, 'riga', 1, NULL)",
        "UPDATE orders SET total = 0 RETURNING id",
        "DELETE FROM orders",
        "DROP TABLE orders",
        "SELECT 1; DELETE FROM orders",
        "SELECT 1; COMMIT; DELETE FROM orders; BEGIN",
        "COMMIT",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT id FROM gone",
        "PRAGMA query_only = 0",
        "ATTACH DATABASE 'file:other.sqlite3?mode=rwc' AS other",
        "SET TRANSACTION READ WRITE",
        "CREATE TEMPORARY TABLE mine (id integer)",
    ],
)
def test_an_attempt_to_write_is_refused_and_changes_nothing(shop, attempt):
    assert failure(attempt)
    assert shop.run("SELECT count(*), sum(total) FROM orders") == [(3, 120)]


def test_postgresql_refuses_a_function_that_writes(postgres_url, settings):
    shop = Shop(postgres_url)
    shop.run(SCHEMA, ROW, "SELECT 1")
    shop.run(
        "CREATE FUNCTION forget() RETURNS integer LANGUAGE sql AS 'DELETE FROM orders RETURNING id'",
        "CREATE FUNCTION open_up() RETURNS text LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); DELETE FROM orders; RETURN 'x'; END $$",
        "SELECT 1",
    )
    settings.SQL_SOURCES = {"shop": environ.Env.db_url_config(postgres_url)}
    assert "read-only" in failure("SELECT forget() AS n")
    assert failure("SELECT open_up(), 1 AS n")
    assert shop.run("SELECT count(*) FROM orders") == [(3,)]


def test_sqlite_says_what_is_allowed(tmp_path, settings):
    Shop(f"sqlite:///{tmp_path}/a.sqlite3").run(SCHEMA)
    settings.SQL_SOURCES = {"shop": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{tmp_path}/a.sqlite3"}}
    assert "SELECT" in failure("DELETE FROM orders")


def test_a_slow_query_is_cut_off(shop):
    slow = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n",
        "postgres": "SELECT count(pg_sleep(30)) AS n",
    }[shop.url.partition(":")[0]]
    started = time.monotonic()
    assert "1 s" in failure(slow, timeout_s=1)
    assert time.monotonic() - started < 3


def test_more_rows_than_are_taken_are_an_error_that_says_so(shop):
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT i, 'a' || i AS x FROM n"
    )
    assert len(ask(numbers.format(ROWS))) == ROWS
    assert str(ROWS) in failure(numbers.format(ROWS + 1))


def test_very_many_rows_are_not_read(shop):
    """A query without end would fill the memory before anybody counted its rows."""
    endless = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "postgres": "SELECT generate_series(1, 100000000000) AS i",
    }[shop.url.partition(":")[0]]
    assert str(ROWS) in failure(endless)


@pytest.mark.parametrize(
    "query, word",
    [
        ("SELECT nothing FROM orders", "nothing"),
        ("SELEC 1", "SELEC"),
        ("SELECT site FROM orders", "site"),
        ("SELECT 1 AS a, 2 AS a", "AS"),
        ("", "SELECT"),
    ],
)
def test_an_error_says_what_is_wrong(shop, query, word):
    assert word in failure(query)


def test_a_database_that_nobody_named_is_an_error_that_says_which_there_are(shop):
    said = failure("SELECT 1 AS n", database="default")
    assert "default" in said
    assert "shop" in said
    assert "DATABASES_" in said


def test_a_server_that_is_away_is_an_error_without_the_password(settings):
    settings.SQL_SOURCES = {"shop": environ.Env.db_url_config("postgres://bob:s3cret@127.0.0.1:1/shop")}
    said = failure("SELECT 1 AS n")
    assert "127.0.0.1" in said
    assert "s3cret" not in said


def test_a_file_that_is_not_there_is_an_error_and_is_not_made(tmp_path, settings):
    settings.SQL_SOURCES = {"shop": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{tmp_path}/none.sqlite3"}}
    assert failure("SELECT 1 AS n")
    assert list(tmp_path.iterdir()) == []


def test_no_connection_is_left_open(postgres_url, settings):
    settings.SQL_SOURCES = {"shop": environ.Env.db_url_config(postgres_url)}
    ask("SELECT 1 AS n")
    failure("SELECT broken")
    deadline = time.monotonic() + 5
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watchfloor'"
    while Shop(postgres_url).run(count) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def taken_from(columns, *rows):
    return take(Answer(columns, list(rows)), CALL)


def test_a_cell_that_is_no_number_is_rejected_and_the_others_are_taken():
    taken = taken_from(["site", "n"], ("riga", 1), ("oslo", float("inf")), ("kyiv", None), ("bern", "x"))
    assert [(r.identity.labels, r.value) for r in taken.readings] == [((("site", "riga"),), 1.0)]
    assert taken.rejected == {Reason.NOT_A_NUMBER: 2}
    assert "row 2" in taken.error
    assert "n" in taken.error


def test_a_label_that_is_no_text_is_rejected_by_its_name():
    taken = taken_from(["at", "n"], (object(), 1))
    assert taken.rejected == {Reason.BAD_LABELS: 1}
    assert "at" in taken.error


def test_a_name_that_cannot_be_kept_is_rejected():
    assert taken_from(["metric", "value"], ("a\x00b", 1)).rejected == {Reason.BAD_NAME: 1}


def test_true_and_false_are_one_and_zero():
    assert [reading.value for reading in taken_from(["up"], (True,), (False,)).readings] == [1.0, 0.0]


def test_settings_that_cannot_work_are_refused(shop):
    sql.check(Pull(database="shop", query="SELECT 1"))
    for pull, field in ((Pull(database="x", query="SELECT 1"), "database"), (Pull(database="shop"), "query")):
        with pytest.raises(ValidationError) as caught:
            sql.check(pull)
        assert list(caught.value.message_dict) == [field]
