"""SQL: a query that reads, on a database that the administrator named (DATABASES_<NAME>_URL in the environment).

Of a Pull these count: `database` (the name), `query` and `timeout_s`. Columns of numbers are values, called as the
column is; a column `metric` beside one called `value` names the value instead. Columns of texts are labels.

The query cannot write: PostgreSQL runs it in a READ ONLY transaction, as the query of a cursor, which is a single
SELECT; SQLite opens the file for reading and is asked before every action. What the database's user may read and call,
the query may, too: give it a user with few rights.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import Error as DatabaseFailure
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from metrics.ingest.calls import Call, Reason, Taken
from metrics.ingest.naming import BadLabels, BadName, clipped, fit_labels, fit_metric, identity
from metrics.sentences import Fault, placed, told
from metrics.sentences import sentence as _
from metrics.series.readings import Reading
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed, call_of

ROWS = 1_000
READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
STEPS = 1_000
"""SQLite's steps between two looks at the clock: well under a millisecond."""

NO_QUERY = _("Give a query, such as SELECT count(*) AS orders FROM orders.")

Number = int | float | Decimal
Row = Mapping[str, Any]


class Answer(NamedTuple):
    columns: list[str]
    rows: list[tuple[Any, ...]]


def pull(pull: Pull, now: int) -> Taken:
    answer = _ask(pull)
    if len(answer.rows) > ROWS:
        raise PullFailed(_("The query gives more than %(rows)s rows; add a LIMIT, or sum up.", rows=ROWS))
    taken = take(answer, call_of(pull, now))
    if not taken.readings and taken.error:
        raise PullFailed(taken.error)
    return taken


def check(pull: Pull) -> None:
    """Raises ValidationError unless the settings can be pulled."""
    if pull.database not in settings.SQL_SOURCES:
        raise ValidationError({"database": told(_unknown(pull.database))})
    if not pull.query.strip():
        raise ValidationError({"query": told(NO_QUERY)})


def take(answer: Answer, call: Call) -> Taken:
    """The readings of the rows, all of the time of the call. A row or a cell that is no good is rejected."""
    taken = Taken()
    if len(set(answer.columns)) < len(answer.columns):
        raise PullFailed(_("Two columns have the same name; name them with AS."))
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    values = _value_columns(answer.columns, rows)
    if rows and not values:
        columns = ", ".join(map(clipped, answer.columns))
        raise PullFailed(_("No column holds numbers; found %(columns)s.", columns=columns))
    for place, row in enumerate(rows, 1):
        _take_row(taken, call, row, values, f"row {place}")
    return taken


def _ask(pull: Pull) -> Answer:
    """At most a row more than is taken. Raises PullFailed."""
    if pull.database not in settings.SQL_SOURCES:
        raise PullFailed(_unknown(pull.database))
    query = pull.query.strip().rstrip("; \n")
    if not query:
        raise PullFailed(NO_QUERY)
    ends = monotonic() + pull.timeout_s
    try:
        with closing(_connection(pull)) as connection, _reading_only(connection, ends, pull.timeout_s) as cursor:
            cursor.execute(query)
            rows = cursor.fetchmany(ROWS + 1)
            return Answer([column[0] for column in cursor.description or ()], rows)
    except (DatabaseFailure, ImproperlyConfigured) as fault:
        raise PullFailed(_in_words(fault, ends, pull.timeout_s)) from None


def _unknown(name: str) -> str:
    known = ", ".join(sorted(settings.SQL_SOURCES)) or "–"
    return _(
        "There is no database “%(name)s” (known: %(known)s); set DATABASES_…_URL where Watchfloor runs.",
        name=clipped(name),
        known=known,
    )


def _connection(pull: Pull) -> BaseDatabaseWrapper:
    """A connection of one's own, which nothing else in the process uses."""
    config = dict(settings.SQL_SOURCES[pull.database])
    options = dict(config.get("OPTIONS", {}))
    if config["ENGINE"].endswith("sqlite3"):
        config["NAME"] = f"file:{quote(str(Path(config['NAME']).resolve()))}?mode=ro"
        options["timeout"] = pull.timeout_s
    else:
        limit: dict[str, Any] = {"connect_timeout": pull.timeout_s, "tcp_user_timeout": pull.timeout_s * 1000}
        options = limit | options | {"application_name": "watchfloor"}
    config |= {"OPTIONS": options, "TIME_ZONE": None, "CONN_MAX_AGE": 0, "DISABLE_SERVER_SIDE_CURSORS": False}
    return ConnectionHandler({"default": {}, pull.database: config}).create_connection(pull.database)


@contextmanager
def _reading_only(connection: BaseDatabaseWrapper, ends: float, timeout_s: int) -> Iterator[Any]:
    """A cursor that only reads, and that the database cuts off when the time is over."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        raw = connection.connection
        raw.execute("PRAGMA query_only = 1")
        raw.set_progress_handler(lambda: monotonic() > ends, STEPS)
        raw.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READS else sqlite3.SQLITE_DENY)
        with closing(raw.cursor()) as cursor, connection.wrap_database_errors:
            yield cursor
        return
    connection.set_autocommit(False)
    with connection.cursor() as settings_cursor:
        settings_cursor.execute("SET TRANSACTION READ ONLY")
        settings_cursor.execute(f"SET LOCAL statement_timeout = {timeout_s * 1000:d}")
    with connection.chunked_cursor() as cursor:
        yield cursor


def _in_words(fault: Exception, ends: float, timeout_s: int) -> str:
    text = " ".join(str(fault).split())
    if "statement timeout" in text or (text == "interrupted" and monotonic() >= ends):
        return _("The query took longer than %(seconds)s s and was cut off.", seconds=timeout_s)
    if text == "not authorized":
        return _("Only a query that reads is allowed: a SELECT.")
    return _("The database says: %(fault)s", fault=text[:500])


def _value_columns(columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    if {"metric", "value"} <= set(columns):
        return ["value"]
    return [column for column in columns if any(_is_number(row[column]) for row in rows)]


def _take_row(taken: Taken, call: Call, row: Row, values: Sequence[str], place: str) -> None:
    pair = values == ["value"] and "metric" in row
    try:
        labels = fit_labels(_labels(row, {*values, "metric"} if pair else {*values}, place), place=place)
        for column in values:
            if row[column] is None:
                continue
            metric = fit_metric(str(row["metric"]) if pair else column, place=f"{place}, metric")
            value = _number(row[column], f"{place}, {column}")
            taken.readings.append(Reading(identity(call, metric, labels), call.now, value, "", "gauge"))
    except BadName as fault:
        taken.reject(Reason.BAD_NAME, fault.sentence)
    except BadLabels as fault:
        taken.reject(Reason.BAD_LABELS, fault.sentence)
    except NotANumber as fault:
        taken.reject(Reason.NOT_A_NUMBER, fault.sentence)


class NotANumber(Fault):
    """The sentence names row and column."""


def _labels(row: Row, others: set[str], place: str) -> dict[str, str]:
    labels = {}
    for column, cell in row.items():
        if column in others or cell is None:
            continue
        if not isinstance(cell, str | Number):
            fault = _("expected a number or a text, got a %(type)s; leave it out", type=type(cell).__name__)
            raise BadLabels(placed(f"{place}, {column}", fault))
        labels[column] = str(cell)
    return labels


def _number(cell: Any, place: str) -> float:
    with suppress(ValueError, TypeError, OverflowError):
        if isfinite(value := float(cell)):
            return value
    raise NotANumber(placed(place, _("expected a finite number, got %(got)s", got=clipped(str(cell)))))


def _is_number(cell: Any) -> bool:
    return isinstance(cell, Number)
