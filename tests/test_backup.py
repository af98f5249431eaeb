"""Backups, taken from a server that runs and put back into an installation that never saw it, on either database."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.servers import postgres as postgresql
from tests.servers.postgres import new_database
from tests.servers.watchfloor import ROOT, Watchfloor

STORED = """
from metrics.models import Rollup, Sample, Series
ours = Series.objects.filter(source__name='shop')
for rows in (ours.values_list('name', 'labels', 'total', 'last_ts', 'kind'),
             Sample.objects.filter(series__in=ours).values_list('series__name', 'ts', 'value'),
             Rollup.objects.filter(series__in=ours, res=3600).values_list('series__name', 't')):
    print(sorted(map(str, rows)))
"""


@dataclass
class Filled:
    """A server that runs and holds somebody's things, and the backup that was made of it."""

    server: Watchfloor
    token: str
    shown: dict[str, object]
    stored: str
    file: Path


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def filled(request, database, tmp_path_factory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("filled")
    with Watchfloor(folder, _on(request, database, "old") | _tools(database)) as server:
        token = fill(server)
        before, stored = shown(server), server.shell(STORED)
        server.manage("backup", str(folder / "copy"))
        yield Filled(server, token, before, stored, folder / "copy")


@pytest.fixture
def new(request, database, tmp_path) -> Iterator[Watchfloor]:
    """An installation that was never started."""
    server = Watchfloor(tmp_path, _on(request, database, "new") | _tools(database))
    yield server
    server.stop()


@pytest.fixture
def restored(new, filled) -> Watchfloor:
    new.manage("restore", str(filled.file))
    return new


def _on(request: pytest.FixtureRequest, database: str, name: str) -> dict[str, str]:
    if database == "sqlite":
        return {}
    return {"DATABASE_URL": new_database(request.getfixturevalue("postgres"), f"watchfloor_backup_{name}")}


def _tools(database: str) -> dict[str, str]:
    """The tools have to be of the server's version."""
    return {"PATH": f"{postgresql._programs()}{os.pathsep}{os.environ['PATH']}"} if database == "postgresql" else {}


def fill(server: Watchfloor) -> str:
    """Somebody's tile, talk and account; the token that sends."""
    token = server.source_token("shop")
    server.manage("add_kpi", "orders", "--name", "Orders")
    for value in (40, 41, 42):
        server.push(token, "orders", value, labels={"region": "eu"})
    server.add_user("bob")
    with server.client("bob") as bob:
        bob.post("/chat/general/messages/", data={"message": "remember this", "cid": "c1"})
    return token


def shown(server: Watchfloor) -> dict[str, object]:
    """What people see of it on the pages."""
    with server.client("bob") as bob:
        tile = re.search(r'<article[^>]*id="tile-orders".*?</article>', bob.get("/").text, re.DOTALL)
        room = "remember this" in bob.get("/chat/general/").text
        series = bob.get("/series/", params={"q": "orders"}).text.count("region")
        assert tile
        value = re.search(r'class="tile-value[^"]*"[^>]*>(.*?)</', tile[0], re.DOTALL)
        return {"value": value and value[1].split(), "name": "Orders" in tile[0], "room": room, "series": series}


def fails(server: Watchfloor, *arguments: str, **environment: str) -> str:
    """What a command says when it fails: one line, and no traceback."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=server.environment | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr.replace("CommandError: ", "").strip()


def test_an_empty_installation_shows_what_the_old_one_showed(filled, new):
    filled.server.push(filled.token, "orders", 43)
    new.manage("restore", str(filled.file))
    assert new.shell(STORED) == filled.stored
    new.start()
    assert shown(new) == filled.shown
    # It lives: who could send there, sends here.
    new.push(filled.token, "orders", 44, labels={"region": "eu"})
    assert "44.0" in new.shell(STORED)


def test_a_backup_is_whole_while_others_write(filled, new, tmp_path):
    done, sent = threading.Event(), []

    def write():
        while not done.is_set():
            filled.server.push(filled.token, "busy", len(sent), labels={"n": str(len(sent) % 50)})
            sent.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        filled.server.manage("backup", str(tmp_path / "copy"))
    finally:
        done.set()
        writer.join()
    new.manage("restore", str(tmp_path / "copy"))
    counts = new.shell(
        "from metrics.models import Sample, Series\nours = Series.objects.filter(name='busy')\n"
        "print(sum(ours.values_list('total', flat=True)), Sample.objects.filter(series__in=ours).count())"
    ).split()
    assert 0 < int(counts[0]) < len(sent)
    assert counts[0] == counts[1]


def test_nobody_else_may_read_a_backup_and_no_part_of_it_is_left(filled):
    assert stat.S_IMODE(filled.file.stat().st_mode) == 0o600
    assert [path.name for path in filled.file.parent.glob("copy*")] == ["copy"]


def test_a_backup_replaces_no_file_and_names_a_folder_that_is_missing(filled, tmp_path):
    (tmp_path / "copy").write_text("precious")
    assert "is there already" in fails(filled.server, "backup", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "precious"
    assert "No such file or directory" in fails(filled.server, "backup", str(tmp_path / "nowhere/copy"))


def test_nothing_is_put_back_under_a_server_that_runs(filled):
    assert "is running: stop all servers first" in fails(filled.server, "restore", str(filled.file))
    assert "43" in filled.server.shell(STORED)


def test_who_held_the_lease_when_the_backup_was_made_is_not_waited_for(restored, filled):
    """As it was, until a server of the new installation takes it; only --force goes past that one."""
    restored.shell("from metrics.sources import lease\nassert lease.take('alice') is not None")
    assert fails(restored, "restore", str(filled.file)).startswith("alice is running")
    assert "is the database now" in restored.manage("restore", str(filled.file), "--force")


def test_what_was_there_before_is_kept_beside(restored, filled, database):
    restored.shell("from metrics.models import Source\nSource.objects.create(name='later')")
    kept = re.search(r"the (?:file|schema) (\S+);", restored.manage("restore", str(filled.file)))
    assert kept
    assert (
        restored.shell("from metrics.models import Source\nprint(Source.objects.filter(name='later').count())") == "0"
    )
    count = "SELECT count(*) FROM {}metrics_source WHERE name = 'later'"
    if database == "sqlite":
        with sqlite3.connect(kept[1]) as before:
            assert before.execute(count.format("")).fetchone() == (1,)
    else:
        with psycopg.connect(restored.environment["DATABASE_URL"]) as before:
            assert before.execute(count.format(f"{kept[1]}.")).fetchone() == (1,)


def test_what_is_no_backup_changes_nothing(restored, filled, tmp_path):
    file, stranger = tmp_path / "copy", tmp_path / "stranger"
    with contextlib.closing(sqlite3.connect(stranger)) as other:
        other.execute("CREATE TABLE django_migrations (app, name)")
    whole = filled.file.read_bytes()
    for content in (b"", b"SQLite format 3\0 and no more", stranger.read_bytes(), whole[: len(whole) // 2]):
        file.write_bytes(content)
        said = fails(restored, "restore", str(file))
        assert "is not a backup of Watchfloor" in said or "is damaged" in said or "pg_restore failed: " in said
    assert "cannot be read: No such file" in fails(restored, "restore", str(tmp_path / "missing"))
    assert restored.shell(STORED) == filled.stored


def test_a_backup_of_a_newer_version_is_refused(restored, tmp_path):
    restored.shell(
        "from django.db import connection\nfrom django.db.migrations.recorder import MigrationRecorder\n"
        "MigrationRecorder(connection).record_applied('metrics', '9999_times_to_come')"
    )
    restored.manage("backup", str(tmp_path / "copy"))
    assert "metrics.9999_times_to_come is not known here" in fails(restored, "restore", str(tmp_path / "copy"))
    assert "shop" in restored.shell("from metrics.models import Source\nprint(Source.objects.get(name='shop'))")


def test_the_file_of_sqlite_is_one_and_postgresql_names_the_tools_that_are_missing(filled, database, tmp_path):
    if database == "sqlite":
        with contextlib.closing(sqlite3.connect(filled.file)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    else:
        said = fails(filled.server, "backup", str(tmp_path / "copy"), PATH=str(tmp_path))
        assert said.startswith("pg_dump is missing: install the client programs of PostgreSQL")
        assert list(tmp_path.iterdir()) == []


def test_no_password_is_in_the_list_of_processes(tmp_path, postgres):
    """A program in the place of pg_dump notes how it was called."""
    called, spy = tmp_path / "called", tmp_path / "pg_dump"
    spy.write_text(f'#!/bin/sh\necho "$@" > {called}\necho "$PGPASSWORD $PGPORT" >> {called}\nexit 1\n')
    spy.chmod(0o755)
    address = new_database(postgres, "watchfloor_backup_spied").replace("postgres@", "postgres:secret-word@")
    server = Watchfloor(tmp_path, {"DATABASE_URL": address})
    said = fails(server, "backup", str(tmp_path / "copy"), PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    arguments, environment = called.read_text().splitlines()
    assert "secret-word" not in arguments + said
    assert environment == f"secret-word {urlsplit(address).port}"
