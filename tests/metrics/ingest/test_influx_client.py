"""Clients of Influx that others wrote, against a real server: what they send is what is stored."""

from __future__ import annotations

import contextlib
import gzip
import json
import sqlite3
import threading
import time
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from tests.servers.watchfloor import Watchfloor

ROWS = """
    SELECT name, labels, ts, value FROM metrics_sample JOIN metrics_series ON metrics_series.id = series_id
    WHERE name LIKE %s ORDER BY name, series_id, ts
"""


def stored(server: Watchfloor, measurement: str) -> list[list]:
    """Name, labels, time and value of each sample. Read without Django, which takes seconds to start."""
    url = server.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute(ROWS.replace("%s", "?"), (f"{measurement}%",)).fetchall()
        return [[name, json.loads(labels), ts, value] for name, labels, ts, value in rows]
    with psycopg.connect(url) as connection:
        return [list(row) for row in connection.execute(ROWS, (f"{measurement}%",))]


@pytest.fixture(scope="module")
def token(either_server):
    return either_server.source_token("telegraf")


@pytest.fixture
def client(either_server, token):
    with InfluxDBClient(either_server.url, token=token, org="any", timeout=10_000) as client:
        yield client


@pytest.fixture
def now_ms():
    return time.time_ns() // 1_000_000


def test_the_client_finds_the_server_alive(client):
    assert client.ping()
    assert client.version() == "1.8.0"
    with pytest.warns(DeprecationWarning, match="ping"):
        assert client.health().status == "pass"


@pytest.mark.parametrize("precision, unit_ms", [("ns", 1e-6), ("us", 1e-3), ("ms", 1), ("s", 1_000)])
def test_a_point_is_stored_when_the_synchronous_writer_returns(client, either_server, now_ms, precision, unit_ms):
    at = now_ms // 1_000 * 1_000 - round(unit_ms * 1_000)
    point = Point("point").tag("host", f"web {precision}, é").field("user", 12.5).field("cores", 8).field("up", True)
    point = point.field("version", 'a "quoted"\ntext').time(
        round(at / unit_ms), getattr(WritePrecision, precision.upper())
    )
    client.write_api(write_options=SYNCHRONOUS).write("any", record=point, write_precision=precision)
    labels = {"host": f"web {precision}, é"}
    found = [row for row in stored(either_server, "point") if row[1] == labels]
    assert found == [["point_cores", labels, at, 8.0], ["point_up", labels, at, 1.0], ["point_user", labels, at, 12.5]]


def test_batches_arrive_whole_once_and_unharmed(either_server, token, now_ms):
    """The batching writer, compressed, from four threads, as a collector would."""
    failed = []
    options = WriteOptions(batch_size=500, flush_interval=100, jitter_interval=0, retry_interval=100)
    with (
        InfluxDBClient(either_server.url, token=token, org="any", enable_gzip=True) as client,
        client.write_api(options, error_callback=lambda *error: failed.append(error)) as writer,
    ):

        def write(thread: int) -> None:
            for number in range(1_000):
                point = Point("batch").tag("thread", str(thread)).field("n", float(number))
                writer.write("any", record=point.time(now_ms - number, WritePrecision.MS), write_precision="ms")

        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []
    expected = [["batch_n", {"thread": str(t)}, now_ms - n, float(n)] for t in range(4) for n in reversed(range(1_000))]
    assert sorted(stored(either_server, "batch"), key=lambda row: (row[1]["thread"], row[2])) == expected


def test_a_client_learns_what_is_wrong(client, either_server):
    with pytest.raises(ApiException) as refused:
        client.write_api(write_options=SYNCHRONOUS).write("any", record="wrong user=high")
    assert refused.value.status == 400
    assert "line 1: expected numbers" in refused.value.message
    assert isinstance(refused.value, InfluxDBError)
    assert stored(either_server, "wrong") == []


def test_a_client_with_a_wrong_token_is_a_stranger(either_server):
    with (
        InfluxDBClient(either_server.url, token="wfs_wrong", org="any") as client,
        pytest.raises(ApiException) as refused,
    ):
        client.write_api(write_options=SYNCHRONOUS).write("any", record="cpu user=1")
    assert refused.value.status == 401


def test_lines_that_are_right_are_stored_and_the_others_named(either_server, token, now_ms):
    lines = ["part a=1", "part b=nan", "part c=3", "part,x=1,x=2 d=4"]
    answer = write(either_server, token, "".join(f"{line} {now_ms}\n" for line in lines))
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["X-Influxdb-Error"].startswith("line 2: expected finite numbers")
    assert [(row[0], row[3]) for row in stored(either_server, "part")] == [("part_a", 1.0), ("part_c", 3.0)]


def write(server: Watchfloor, token: str, lines: str | bytes, *, path: str = "/write", **more) -> httpx.Response:
    query = {"db": "any", "u": "any", "p": token, "precision": "ms"}
    return httpx.post(server.url + path, params=query, content=lines, timeout=30, **more)


def test_the_old_way_with_a_password_in_the_address_and_gzip(either_server, token, now_ms):
    body = gzip.compress(f"disk,mount=/ used=7u {now_ms}".encode())
    answer = write(either_server, token, body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 204
    assert stored(either_server, "disk") == [["disk_used", {"mount": "/"}, now_ms, 7.0]]


def test_a_body_of_many_pieces_is_taken_to_its_last_line(either_server, token, now_ms):
    lines = "".join(f"many,n={n % 50} v={n} {now_ms - n}\n" for n in range(30_000)) + "bad"
    answer = write(either_server, token, lines)
    assert answer.status_code == 204
    assert answer.headers["X-Influxdb-Error"].startswith("line 30001: ")
    found = stored(either_server, "many")
    assert sorted(row[3] for row in found) == [float(n) for n in range(30_000)]
    assert {row[2] + row[3] for row in found} == {now_ms}


def test_a_time_is_that_of_the_receipt_when_there_is_none(either_server, token):
    before = datetime.now(UTC).timestamp() * 1_000
    assert write(either_server, token, "timeless v=1").status_code == 204
    ((_name, _labels, ts, _value),) = stored(either_server, "timeless")
    assert before - 1 <= ts <= datetime.now(UTC).timestamp() * 1_000


def test_a_collector_can_make_its_database_and_nothing_else(either_server, token):
    headers = {"Authorization": f"Token {token}"}
    address = f"{either_server.url}/query"
    made = httpx.post(address, data={"q": 'CREATE DATABASE "telegraf"'}, headers=headers)
    assert (made.status_code, made.json()) == (200, {"results": [{"statement_id": 0}]})
    assert httpx.get(address, params={"q": "CREATE DATABASE x"}, headers=headers).status_code == 200
    assert httpx.get(address, params={"q": "SHOW DATABASES"}, headers=headers).status_code == 400
    assert httpx.post(address, data={"q": "CREATE DATABASE x"}).status_code == 401


@pytest.mark.parametrize("path, status", [("/ping", 204), ("/health", 200)])
def test_everybody_may_ask_whether_it_is_there(either_server, path, status):
    for method in ("GET", "HEAD"):
        answer = httpx.request(method, either_server.url + path)
        assert answer.status_code == status
        assert answer.headers["X-Influxdb-Version"]
    assert httpx.post(either_server.url + path).status_code == 405


@pytest.mark.parametrize("path", ["/write", "/api/v2/write"])
def test_a_write_is_never_read(either_server, path):
    answer = httpx.get(either_server.url + path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
