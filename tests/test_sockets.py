"""What sockets promise, through a real server: on SQLite with memory, and on PostgreSQL with Redis."""

from __future__ import annotations

import json
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from dashboard_site.protocols import PIECE_BYTES
from tests.servers.sockets import Socket
from tests.servers.watchfloor import Watchfloor, csrf_token

ROOM = "/ws/chat/general/"


@pytest.fixture(scope="module")
def token(either_server):
    """Bob's, for programs."""
    if "bob" not in either_server.shell("from django.contrib.auth.models import User; print(*User.objects.all())"):
        either_server.add_user("bob")
    return either_server.user_token("bob")


def refusal(server: Watchfloor, **headers: str) -> int:
    """The status with which a handshake with these headers is refused."""
    address = server.url.replace("http", "ws", 1) + ROOM
    with pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=headers, proxy=None, legacy=True).close()
    return refused.value.response.status_code


def test_what_a_program_says_is_on_every_page_as_its_owner(either_server, token):
    with Socket(either_server, ROOM) as guest, Socket(either_server, ROOM, token=token, json=True) as program:
        program.send({"message": "deployed 4.2"})
        assert "bob" in guest.until_text("deployed 4.2")
        event = program.event("message", message="deployed 4.2")
        assert (event["room"], event["username"]) == ("general", "bob")
        assert event["seq"] > 0


def test_events_come_as_json_when_the_address_asks(either_server, token):
    with Socket(either_server, f"{ROOM}?format=json", token=token) as program:
        program.send({"message": "asked in the address"})
        assert program.event("message", message="asked in the address")


def test_a_guest_reads_and_may_not_write(either_server, token):
    with Socket(either_server, f"{ROOM}?format=json") as guest, Socket(either_server, ROOM, token=token) as bob:
        guest.send({"message": "let me in"})
        assert guest.event("error")["message"]
        bob.send({"message": "the socket is still open"})
        assert guest.event("message", message="the socket is still open")


@pytest.mark.parametrize(
    "bad", ["{", "[1]", "7", "null", '"text"', "{}", '{"message": 7}', '{"message": " "}', '{"message": "a\\u0000b"}']
)
def test_bad_input_is_answered_and_the_socket_stays_open(either_server, token, bad):
    with Socket(either_server, ROOM, token=token, json=True) as program:
        program.send(bad)
        error = program.event("error")
        assert error["code"]
        program.send({"message": f"still here after {bad[:5]!r}"})
        assert program.event("message", message=f"still here after {bad[:5]!r}")


@pytest.mark.parametrize("length, kind", [(2000, "message"), (2001, "error")])
def test_the_limit_of_a_message(either_server, token, length, kind):
    with Socket(either_server, ROOM, token=token, json=True) as program:
        program.send({"message": "x" * length})
        assert program.event(kind)


def test_ten_bad_messages_in_a_row_end_the_socket(either_server, token):
    with Socket(either_server, ROOM, token=token, json=True) as program:
        for _ in range(10):
            program.send("{")
        assert program.close_code() == 4008


def test_nobody_who_was_sent_away_while_a_message_was_stored_is_answered(either_server, token):
    before = len(either_server.log)
    stored = Frame(Opcode.TEXT, b'{"message": "stored beside a flood"}').serialize(mask=True)
    # As long as the server reads at once, so that the flood is another piece.
    waits = Frame(Opcode.BINARY, bytes(PIECE_BYTES - len(stored) - 8)).serialize(mask=True)
    flood = Frame(Opcode.PING, b"").serialize(mask=True) * 5000
    with Socket(either_server, ROOM, token=token, json=True) as other:
        with Socket(either_server, ROOM, token=token, json=True) as program:
            program.send_bytes(stored + waits + flood)
            assert program.close_code() == 4008
        assert other.event("message", message="stored beside a flood")
        other.send({"message": "untouched"})
        assert other.event("message", message="untouched")
    assert "Traceback" not in either_server.log[before:]


def test_a_page_that_is_not_there_ends_with_4404(either_server):
    for path in ("/ws/chat/no-such-room/", "/ws/nowhere/"):
        with Socket(either_server, path) as socket:
            assert socket.close_code() == 4404


def test_a_foreign_or_missing_origin_is_refused(either_server, token):
    assert refusal(either_server, Origin="https://elsewhere.example") == 403
    assert refusal(either_server, Origin=either_server.url.replace("127.0.0.1", "127.0.0.1.example")) == 403
    assert refusal(either_server, Origin="null") == 403
    assert refusal(either_server) == 403


def test_a_bad_token_is_not_a_guest(either_server):
    with pytest.raises((InvalidStatus, AssertionError)), Socket(either_server, ROOM, token="nonsense") as socket:
        raise AssertionError(f"closed with {socket.close_code()}")


def test_signing_out_ends_the_sockets_of_that_session(either_server):
    with either_server.client("alice") as alice, Socket(either_server, ROOM, client=alice) as socket:
        socket.until_text("beat")
        form = alice.get("/").text
        started = time.monotonic()
        alice.post("/accounts/logout/", data={"csrfmiddlewaretoken": csrf_token(form)})
        assert socket.close_code() == 4401
        assert time.monotonic() - started < 5


def test_a_closed_room_is_nobodys_business(either_server, token):
    either_server.shell(
        "from live.chat.models import Room; from live.chat.verbs import save_room\n"
        "save_room(Room(slug='board-room', name='Board room', access='groups'))"
    )
    with Socket(either_server, "/ws/chat/board-room/") as guest:
        assert guest.close_code() in (4401, 4404)
    with Socket(either_server, "/ws/chat/board-room/", token=token) as outsider:
        assert outsider.close_code() in (4403, 4404)
    with either_server.client("alice") as alice, Socket(either_server, "/ws/chat/board-room/", client=alice) as socket:
        assert socket.until_text("beat")


def test_a_change_by_a_command_shows_within_three_seconds(either_server):
    source = either_server.source_token("cron")
    with Socket(either_server, "/ws/boards/main/") as page:
        page.until_text("beat")
        either_server.push(source, "jobs", 3)
        either_server.manage("add_kpi", "jobs")
        assert page.until_text("tile-jobs", seconds=3.5)


def test_a_sample_moves_its_tile_as_html_and_as_json(either_server):
    source = either_server.source_token("cron")
    either_server.push(source, "queue", 3)
    either_server.manage("add_kpi", "queue")
    board = "/ws/boards/main/"
    with Socket(either_server, board) as page, Socket(either_server, board, json=True) as program:
        page.until_text("tile-queue")
        either_server.push(source, "queue", 57)
        assert program.event("tile", kpi="queue", value=57, seconds=2)["at"]
        assert page.until(lambda frame: "tile-queue" in frame and "57" in frame, seconds=2)


def test_frames_for_programs_are_json_and_nothing_else(either_server, token):
    with Socket(either_server, ROOM, token=token, json=True) as program:
        program.send({"message": "count me"})
        assert program.until(lambda frame: isinstance(json.loads(frame), dict) and "count me" in frame)


@pytest.mark.parametrize("path", ["/", "/chat/general/", "/online/", "/notifications/"])
def test_a_page_names_its_socket_and_the_socket_accepts(either_server, path):
    html = httpx.get(either_server.url + path).text
    (address,) = [part.split('"')[0] for part in html.split('hx-ws:connect="')[1:]]
    with Socket(either_server, address.replace("&amp;", "&")) as socket:
        assert 'hx-target="#beat"' in socket.until_text("beat")
