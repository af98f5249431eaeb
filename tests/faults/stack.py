"""A whole Watchfloor to break: PostgreSQL, Redis, three processes, and nginx in front of the first two."""

from __future__ import annotations

import contextlib
import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.faults.crowd import ComingBack, until
from tests.faults.dom import Page
from tests.faults.victims import Adopted, Victim
from tests.faults.wire import Address
from tests.faults.writing import Person
from tests.servers.nginx import arguments, nginx_server
from tests.servers.postgres import new_database, postgres_server
from tests.servers.processes import free_port
from tests.servers.redis import redis_process
from tests.servers.watchfloor import Watchfloor

NO_LIMITS = {"LIMIT_HANDSHAKES": "0", "LIMIT_SOCKETS_PER_USER": "0", "LIMIT_SOCKET_MESSAGES": "0", "LIMIT_CHAT": "0"}
QUIET = ("--bind", "127.0.0.1", "--save", "")
PEOPLE = 60
METRIC = "orders"
BOARD = "/boards/shop/"
"""Its one tile changes only when a sample is pushed, unlike those of the machine."""
ROOMS = ("durable", "storm", "matrix", "restarts")
PREPARE = """
import json
from django.contrib.auth import get_user_model, BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from live.accounts.tokens import make_personal_token
from live.chat.models import Room
from live.chat.verbs import save_room
from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board, save_board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from metrics.sources.models import Source
from metrics.sources.tokens import make_source_token

User = get_user_model()
sessions = {{}}
for number in range({people}):
    user = User(username=f"person{{number}}")
    user.set_unusable_password()
    user.save()
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = "live.accounts.backends.RoleBackend"
    session.create()
    sessions[user.username] = session.session_key
for slug in {rooms}:
    save_room(Room(slug=slug, name=slug, access="public"))
board = Board(name="Shop", access="public")
save_board(board)
put_on_board(board, make_kpi(KPI(metric={metric!r})))
source = make_source_token(Source.objects.ensure("shop", Source.Kind.PUSH))
print(json.dumps({{"sessions": sessions, "source": source, "program": make_personal_token(user)}}))
"""


def prepare(server: Watchfloor, *, people: int = PEOPLE, rooms: tuple[str, ...] = ROOMS) -> dict:
    """People with sessions, a tile, rooms, a source's token and a program's token."""
    return json.loads(server.shell(PREPARE.format(people=people, rooms=rooms, metric=METRIC)))


class Stack:
    def __init__(self, folder: Path, database: str, postgres: Adopted, redis: Adopted, exits: contextlib.ExitStack):
        self.database, self.postgres, self.redis = database, postgres, redis
        self.folder = folder
        shared = NO_LIMITS | {
            "DATABASE_URL": database,
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            "TRUSTED_PROXIES": "127.0.0.1",
        }
        self.apps = [exits.enter_context(Watchfloor(folder, shared)) for _ in range(3)]
        port = exits.enter_context(nginx_server(folder, [app.port for app in self.apps[:2]], folder))
        self.prepared = prepare(self.apps[0])
        self.nginx = exits.enter_context(Adopted(port, folder / "error.log", command=arguments(folder)))

    @property
    def victims(self) -> dict[str, Victim]:
        return {"redis": self.redis, "postgres": self.postgres, "app": self.apps[0], "nginx": self.nginx}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.nginx.port}"

    @property
    def people(self) -> list[Person]:
        return [Person(name, session) for name, session in self.prepared["sessions"].items()]

    def page(self, path: str, *, person: Person | None = None, port: int = 0, seconds: float = 10) -> Page:
        return Page(self.get(path, person=person, port=port, seconds=seconds))

    def get(self, path: str, *, person: Person | None = None, port: int = 0, seconds: float = 10) -> str:
        """The text of a page, through nginx or from one process; fails for any status but 200."""
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.nginx.port}{path}")
        if person is not None:
            request.add_header("Cookie", person.cookie)
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.read().decode()

    def push(self, value: float, *, port: int = 0) -> None:
        """A sample for the tile."""
        body = json.dumps({"metric": METRIC, "value": value}).encode()
        headers = {"Authorization": f"Bearer {self.prepared['source']}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.nginx.port}/api/samples", body, headers)
        urllib.request.urlopen(request, timeout=8).close()

    def is_whole(self) -> bool:
        """Whether every process is ready."""
        return all(_answers(f"{app.url}/readyz") for app in self.apps[:2]) and _answers(f"{self.url}/readyz")

    def mend(self) -> None:
        """Start what a failed test left broken."""
        for adopted in (self.postgres, self.redis, self.nginx):
            adopted.thaw()
            if not adopted.is_running:
                adopted.start()
        for app in self.apps:
            app.thaw()
            if app.process is None or app.process.poll() is not None:
                app.start()
        until(self.is_whole, 20, "the stack is whole", look_every_s=0.25)

    def logged(self) -> list[list[str]]:
        """The lines that each process has logged."""
        return [app.log.splitlines() for app in self.apps]

    def execute(self, statement: str) -> list[tuple]:
        """Run SQL beside the servers; its rows."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


def coming_back(page: Page) -> ComingBack:
    """As the page tells htmx to."""
    (content,) = page.root.xpath("//meta[@name='htmx-config']/@content")
    ws = json.loads(content)["ws"]
    return ComingBack(
        ws["reconnectDelay"] / 1000,
        ws["reconnectMaxDelay"] / 1000,
        ws["reconnectJitter"],
        frozenset(ws["reconnectCodes"]),
    )


def socket_of(page: Page, port: int, *, person: Person | None = None) -> Address:
    """The socket that the page connects to."""
    (path,) = page.root.xpath("//main/@*[name()='hx-ws:connect']")
    return Address(port, path, cookie=person.cookie if person else "")


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    with contextlib.ExitStack() as exits, pytest.MonkeyPatch.context() as patch:
        patch.delenv("TEST_DATABASE_URL", raising=False)  # somebody else's is not ours to kill
        cluster = exits.enter_context(postgres_server())
        port = urlsplit(cluster).port or 0
        postgres = exits.enter_context(Adopted(port, folder / "postgres.log", end_with=signal.SIGINT))
        postgres.log_file = postgres.folder.parent / "postgres.log"  # the server works in its data directory
        redis_port = free_port()
        exits.enter_context(redis_process(folder, redis_port))
        redis = exits.enter_context(Adopted(redis_port, folder / "redis.log", command=("--port", redis_port, *QUIET)))
        yield Stack(folder, new_database(cluster, "watchfloor_faults"), postgres, redis, exits)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
