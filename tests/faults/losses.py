"""The ways in which somebody can lose a right, and by whose hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.admin import fill_in
from tests.faults.console import Console
from tests.faults.pair import Pair
from tests.servers.watchfloor import PASSWORD, csrf_token

SET_UP = """
from datetime import timedelta
from unittest import mock
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from live.announcements.models import Announcement
from live.announcements.verbs import announce
from live.chat.models import Room
from live.chat.verbs import post_message
from live.clock import now_ms
from metrics.boards.models import Board
from metrics.series.readings import Identity, Reading
from metrics.series.storing import store
from metrics.sources.models import Source

def someone(name, **rights):
    user = User.objects.create_user(name, password=PASSWORD, **rights)
    group = Group.objects.create(name=f"friends of {name}")
    user.groups.add(group)
    room = Room.objects.create(slug=name, name=f"Room of {name}", access="groups")
    board = Board.objects.create(slug=name, name=f"Board of {name}", access="groups", room=room)
    beside = Board.objects.create(slug=f"{name}-beside", name="For everybody", access="signed_in", room=room)
    room.groups.add(group)
    board.groups.add(group)

def cookie(name):
    client = Client()
    client.force_login(User.objects.get(username=name))
    print(client.cookies["sessionid"].value)

def user(name):
    return User.objects.get(username=name)
"""


@dataclass(frozen=True)
class Floor:
    pair: Pair
    console: Console
    admin: httpx.Client
    """Alice, at the first process."""

    def code(self, text: str) -> None:
        self.console.run(text)

    def pk(self, kind: str, **known: str) -> str:
        where = ", ".join(f"{name}={value!r}" for name, value in known.items())
        return self.console.run(f"print({kind}.objects.get({where}).pk)")

    def change_person(self, name: str, changes: dict) -> None:
        fill_in(self.admin, f"/admin/auth/user/{self.pk('User', username=name)}/change/", changes)

    def client(self, process: int, session: str) -> httpx.Client:
        server = self.pair.servers[process]
        client = httpx.Client(base_url=server.url, headers={"Origin": server.url})
        client.cookies.set("sessionid", session)
        return client


@dataclass(frozen=True)
class Loss:
    """`take` takes the right from the person of this name, whose browser `client` is.

    `closes` is the code with which their sockets on `path` end; None when the page goes on without `target`.
    """

    name: str
    take: Callable[[Floor, str, httpx.Client], object]
    path: str = "/chat/{name}/"
    closes: int | None = 4401
    target: str = ""
    rights: str = ""


def by_code(text: str) -> Callable[[Floor, str, httpx.Client], None]:
    return lambda floor, name, client: floor.code(text.format(name=name))


def post(client: httpx.Client, path: str, **fields: str) -> None:
    token = csrf_token(client.get("/account/").text)
    answer = client.post(path, data={"csrfmiddlewaretoken": token} | fields, follow_redirects=False)
    assert answer.status_code in (302, 303), f"{path}: {answer.status_code}"


def sign_out(floor: Floor, name: str, client: httpx.Client) -> None:
    post(client, "/accounts/logout/")


def change_own_password(floor: Floor, name: str, client: httpx.Client) -> None:
    """In a third browser: those that are open elsewhere are signed out."""
    new = "another horse battery"
    third = floor.client(0, floor.console.run(f"cookie({name!r})"))
    post(third, "/account/password/", old_password=PASSWORD, new_password1=new, new_password2=new)


def password_by_admin(floor: Floor, name: str, client: httpx.Client) -> None:
    new = "another horse battery"
    fill_in(
        floor.admin,
        f"/admin/auth/user/{floor.pk('User', username=name)}/password/",
        {"password1": new, "password2": new, "usable_password": "true"},
    )


def deletion_by_admin(floor: Floor, name: str, client: httpx.Client) -> None:
    fill_in(floor.admin, f"/admin/auth/user/{floor.pk('User', username=name)}/delete/")


def group_deletion_by_admin(floor: Floor, name: str, client: httpx.Client) -> None:
    fill_in(floor.admin, f"/admin/auth/group/{floor.pk('Group', name=f'friends of {name}')}/delete/")


def private_room_by_admin(floor: Floor, name: str, client: httpx.Client) -> None:
    fill_in(floor.admin, f"/admin/live/room/{floor.pk('Room', slug=name)}/change/", {"groups": None})


def private_board_by_admin(floor: Floor, name: str, client: httpx.Client) -> None:
    fill_in(floor.admin, f"/admin/metrics/board/{floor.pk('Board', slug=name)}/change/", {"groups": None})


BESIDE: dict[str, Any] = {"path": "/boards/{name}-beside/", "closes": None, "target": "#room-{name}-log"}
BOARD = "/boards/{name}/"
LOSSES = [
    Loss("sign-out", sign_out),
    Loss("own-password", change_own_password),
    Loss("changepassword", by_code("with mock.patch('getpass.getpass', return_value='another horse'): "
                                   "call_command('changepassword', '{name}')")),
    Loss("deactivated-by-admin", lambda floor, name, client: floor.change_person(name, {"is_active": None})),
    Loss("deleted-by-shell", by_code("user('{name}').delete()")),
    Loss("session-expires", by_code("Session.objects.filter(pk__in=[s.pk for s in Session.objects.all() "
         "if s.get_decoded().get('_auth_user_id') == str(user('{name}').pk)])"
         ".update(expire_date=timezone.now() - timedelta(seconds=1))")),
    Loss("group-taken-by-admin", lambda floor, name, client: floor.change_person(name, {"groups": None}), closes=4403),
    Loss("room-by-shell", by_code("Room.objects.get(slug='{name}').groups.clear()"), closes=4403),
    Loss("room-beside-by-shell", by_code("Room.objects.get(slug='{name}').groups.clear()"), **BESIDE),
    Loss("board-by-admin", private_board_by_admin, BOARD, 4403),
]  # fmt: skip
MORE = [
    Loss("password-by-admin", password_by_admin),
    Loss("password-by-shell", by_code("u = user('{name}'); u.set_password('another'); u.save()")),
    Loss("deactivated-by-shell", by_code("User.objects.filter(username='{name}').update(is_active=False)")),
    Loss("deleted-by-admin", deletion_by_admin),
    Loss("session-deleted", by_code("[s.delete() for s in Session.objects.all() "
         "if s.get_decoded().get('_auth_user_id') == str(user('{name}').pk)]")),
    Loss("group-taken-by-shell", by_code("user('{name}').groups.clear()"), closes=4403),
    Loss("group-deleted-by-admin", group_deletion_by_admin, closes=4403),
    Loss("group-taken-beside", by_code("user('{name}').groups.clear()"), **BESIDE),
    Loss("group-deleted-by-shell", by_code("Group.objects.get(name='friends of {name}').delete()"), closes=4403),
    Loss("room-by-admin", private_room_by_admin, closes=4403),
    Loss("room-deleted-by-shell", by_code("Room.objects.get(slug='{name}').delete()"), closes=4404),
    Loss("board-by-shell", by_code("Board.objects.get(slug='{name}').groups.clear()"), BOARD, 4403),
    Loss("staff-by-admin", lambda floor, name, client: floor.change_person(name, {"is_staff": None}),
         "/notifications/", None, "#scheduled", "is_staff=True"),
    Loss("staff-by-shell", by_code("User.objects.filter(username='{name}').update(is_staff=False)"),
         "/", None, "#arrivals", "is_staff=True"),
    Loss("superuser-by-shell", by_code("User.objects.filter(username='{name}').update(is_superuser=False)"),
         "/notifications/", None, "#scheduled", "is_superuser=True"),
]  # fmt: skip
AWAY = [
    Loss("sign-out-away", sign_out, "/boards/{name}-beside/", None, "#room-{name}-log"),
    Loss("sign-out-of-staff-away", sign_out, "/notifications/", None, "#scheduled", "is_staff=True"),
    Loss("staff-away", by_code("User.objects.filter(username='{name}').update(is_staff=False)"),
         "/", None, "#arrivals", "is_staff=True"),
    Loss("room-away", by_code("Room.objects.get(slug='{name}').groups.clear()"), **BESIDE),
]  # fmt: skip
