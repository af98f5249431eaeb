"""Watchfloor as a process of its own, as people run it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests.servers.processes import STOP_S, free_port, start, stop, wait_until_ready

ROOT = Path(__file__).resolve().parents[2]
ADMIN, PASSWORD = "alice", "correct horse battery"
SERVE = ("manage.py", "serve")


class Watchfloor:
    """One server with a database of its own, or of the one it is started `beside`.

    `environment` is added to the default; `command` is what Python is given. Use it as a context manager.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, *, command: tuple[str, ...] = SERVE):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.log_file = folder / f"server-{self.port}.log"
        self.environment = _environment(folder, self.port) | dict(environment or {})
        self.command = tuple(word.format(port=self.port) for word in command)
        self.process: subprocess.Popen[bytes] | None = None

    def beside(self) -> Watchfloor:
        """A second server on the same database and Redis, with a data directory of its own, not started yet."""
        folder = self.folder / "beside"
        folder.mkdir()
        shared = {name: self.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}
        return Watchfloor(folder, shared, command=self.command)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.thaw()
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers. The port stays the same over restarts."""
        self.process = start([sys.executable, "-u", *self.command], log=self.log_file, cwd=ROOT, env=self.environment)
        wait_until_ready(self.process, self.log_file, self._healthz)

    def stop(self) -> int:
        """End it as Ctrl-C does; the exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(STOP_S)
        return stop(process)

    def kill(self) -> None:
        """End it without a last word."""
        self._signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
        self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def manage(self, *arguments: str) -> str:
        """Run a management command beside the server; what it prints. Fails the test when the command fails."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise AssertionError(f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout.strip()

    def shell(self, code: str) -> str:
        """What the code prints in the server's own database."""
        return self.manage("shell", "--no-imports", "--command", code)

    def add_user(self, name: str, *, staff: bool = False) -> None:
        """Somebody who signs in with PASSWORD."""
        make = f"get_user_model().objects.create_user({name!r}, password={PASSWORD!r}, is_staff={staff})"
        self.shell(f"from django.contrib.auth import get_user_model\n{make}")

    def source_token(self, name: str = "shop") -> str:
        return self.manage("make_token", "--source", name)

    def user_token(self, name: str) -> str:
        return self.manage("make_token", "--user", name)

    def push(self, token: str, metric: str, value: float, **more: Any) -> httpx.Response:
        """POST one sample as a program does."""
        sample = {"metric": metric, "value": value} | more
        answer = httpx.post(f"{self.url}/api/samples", json=sample, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 204, f"{answer.status_code} {answer.text}"
        return answer

    @contextlib.contextmanager
    def client(self, name: str = "") -> Iterator[httpx.Client]:
        """An HTTP client, signed in when a name is given."""
        with httpx.Client(base_url=self.url, follow_redirects=True, headers={"Origin": self.url}) as client:
            if name:
                sign_in(client, name)
            yield client

    def _healthz(self) -> bytes:
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
            return answer.read()

    def _signal(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> None:
    form = client.get("/accounts/login/").text
    fields = {"username": name, "password": password, "csrfmiddlewaretoken": csrf_token(form)}
    client.post("/accounts/login/", data=fields)
    assert "sessionid" in client.cookies, f"{name} could not sign in"


def csrf_token(html: str) -> str:
    """The token of the first form on a page."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert found, "the page has no form with a CSRF token"
    return found[1]


def _environment(folder: Path, port: int) -> dict[str, str]:
    """The machine's environment without what would change the server under test, and the test's own."""
    foreign = {"DEBUG", "HTTPS", "HOST", "ALLOWED_HOSTS", "TIME_ZONE", "DJANGO_SETTINGS_MODULE"}
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    return inherited | {
        "PORT": str(port),
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/watchfloor.sqlite3",
        "REDIS_URL": "",
        "SECRET_KEY": "only-for-tests-" + "0" * 40,
        "LIMIT_CHAT": "0",  # tests say more in a second than a person does
        "LIMIT_LOGINS": "0",
        "DJANGO_SUPERUSER_USERNAME": ADMIN,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "DJANGO_SUPERUSER_EMAIL": "alice@example.org",
    }
