"""Whoever holds a token may write what he likes: he is answered at once, and nobody else notices."""

from __future__ import annotations

import contextlib
import select
import socket
import threading

import httpx
import pytest

from tests.faults.crowd import until
from tests.feeds.attacks import ATTACKS, LINES, MIB, SAMPLES
from tests.feeds.kept import key_of, samples

CROWD = ["protobuf: 8 MiB of empty series", "protobuf: a series of empty samples", "OTLP: 8 MiB of empty metrics"]
CROWD += ["snappy: 8 MiB of zeros", "gzip: 200 MiB to /v1/metrics", "OTLP JSON: 8 MiB of nothing"]
AT_ONCE = 8
ROUNDS = 3


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_answered_within_a_second(siege, name):
    attack = ATTACKS[name]
    told = siege.send(attack.path, attack.body(), method=attack.method, **attack.headers)
    assert told.status in attack.answers, (told.status, told.body[:300])
    assert told.status < 400 or told.body or told.headers.get("X-Influxdb-Error"), "no word of what is wrong"


def test_everything_else_goes_on_as_if_nothing_were(siege):
    siege.stand()


def test_what_is_almost_right_is_stored_as_it_is_meant(siege):
    """The first of two fields counts, and the times are those of the precision."""
    before = siege.program.stored
    assert before
    now = max(max(times) for times in before.values())
    body = f"twice v=1,v=2 {now}\nscaled v=3 {now}\n".encode()
    assert siege.send(LINES, body).status == 204
    found = samples(siege.server, "attacker")
    assert found[key_of("scaled_v", {})] == {now: 3}
    assert found[key_of("twice_v", {})] == {now: 1}
    assert not [times for times in found.values() if any(ts > now + 600_000 for ts in times)]


def test_many_attackers_at_once_get_answers_and_little_memory(siege):
    """Overload is answered with 503; the program beside them is not to see one."""
    bodies = [(ATTACKS[name].path, ATTACKS[name].body(), ATTACKS[name].headers) for name in CROWD]
    statuses: list[int] = []

    def attack(client: httpx.Client, number: int) -> None:
        for step in range(ROUNDS):
            path, body, headers = bodies[(number + step) % len(bodies)]
            answer = client.post(path, content=body, headers=headers)
            statuses.append(answer.status_code)
            assert answer.status_code != 503 or answer.headers["Retry-After"] == "1"

    token = siege.token
    with httpx.Client(base_url=siege.server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        threads = [threading.Thread(target=attack, args=(client, number)) for number in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(statuses) == AT_ONCE * ROUNDS
    assert set(statuses) <= {400, 413, 503}, statuses
    siege.stand()
    assert siege.send(SAMPLES, b'{"metric": "after", "value": 1}').status == 204


def test_large_bodies_that_never_end_keep_no_small_one_out(siege):
    """More of them than all bodies together may hold."""
    said = [
        "POST /v1/metrics HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {siege.token}",
        f"Content-Length: {8 * MIB}",
    ]
    head = "\r\n".join([*said, "", ""])
    with contextlib.ExitStack() as exits:
        slow = [exits.enter_context(contextlib.closing(socket.create_connection(siege.address))) for _ in range(6)]
        for one in slow:
            one.settimeout(5)
            with contextlib.suppress(OSError):  # it is answered before it has sent all
                one.sendall(head.encode() + bytes(7 * MIB))
        until(lambda: select.select(slow, [], [], 0)[0], 10, "some of them are refused")
        assert {one.recv(100).split()[1] for one in select.select(slow, [], [], 0)[0]} == {b"503"}
        for _ in range(3):
            siege.stand()
