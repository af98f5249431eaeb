"""The ways in as senders meet them: a server of its own, over real connections."""

from __future__ import annotations

import gzip
import json
import socket
import time
from base64 import b64encode

import httpx
import pytest

from tests.servers.watchfloor import Watchfloor

WRITES = [
    "/api/samples",
    "/api/v1/write",
    "/v1/metrics",
    "/write",
    "/api/v2/write",
    "/metrics/job/backup",
    "/hooks/alertmanager",
]
ONE = b'{"metric":"orders","value":42}'


@pytest.fixture(scope="module")
def token(shared_server):
    return shared_server.source_token("ingest")


def stored(server: Watchfloor, name: str) -> list[float]:
    samples = f"Sample.objects.filter(series__name={name!r}).order_by('ts').values_list('value', flat=True)"
    return json.loads(server.shell(f"from metrics.series.models import Sample\nprint(list({samples}))"))


def post(server, token, body=ONE, *, path="/api/samples", **options):
    headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
    return httpx.post(server.url + path, content=body, headers=headers, **options)


def test_a_sample_is_in_the_database_when_the_answer_comes(shared_server, token):
    body = json.dumps([{"metric": "test.orders", "value": n, "ts": time.time() - n} for n in range(3)]).encode()
    assert [post(shared_server, token, body).status_code for _ in range(2)] == [204, 204]
    assert stored(shared_server, "test.orders") == [2.0, 1.0, 0.0]


def test_every_kind_of_credentials_and_of_body_is_taken_by_one_connection(shared_server, token):
    def chunks():
        yield ONE[:7]
        yield ONE[7:]

    basic = b64encode(f"ingest:{token}".encode()).decode()
    ways = [{"Authorization": f"Bearer {token}"}, {"Authorization": f"Token {token}"}, {"X-Api-Key": token}]
    with httpx.Client() as client:
        address = f"{shared_server.url}/api/samples"
        for headers in [*ways, {"Authorization": f"Basic {basic}"}]:
            packed = {"Content-Encoding": "gzip"} | headers
            answers = [
                client.post(address, content=ONE, headers=headers),
                client.post(address, content=chunks(), headers=headers),
                client.post(address, content=gzip.compress(ONE), headers=packed),
            ]
            assert [answer.status_code for answer in answers] == [204] * 3


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PATCH"])
def test_a_way_in_cannot_be_read_nor_is_it_ever_redirected(shared_server, path, method):
    answer = httpx.request(method, shared_server.url + path)
    assert (answer.status_code, "location" in answer.headers) == (405, False)
    assert "POST" in answer.headers["allow"]
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", WRITES)
def test_a_stranger_is_asked_for_a_token_whatever_host_he_asks(shared_server, path):
    answer = httpx.post(shared_server.url + path, content=b"x", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, "www-authenticate" in answer.headers) == (401, True)


def test_a_token_in_the_query_reaches_no_log(shared_server, token):
    for path in (f"/write?u=ingest&p={token}&precision=none", f"/api/samples?token={token}", f"/nothing?token={token}"):
        httpx.post(shared_server.url + path, content=b"garbage \xff")
    assert token not in shared_server.log


def test_one_that_sends_slowly_disturbs_nobody(shared_server, token):
    host, port = "127.0.0.1", shared_server.port
    head = f"POST /api/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n["
    slow = [socket.create_connection((host, port)) for _ in range(20)]
    for one in slow:
        one.sendall(head.encode())
    started = time.monotonic()
    assert post(shared_server, token).status_code == 204
    assert time.monotonic() - started < 2
    for one in slow:
        one.close()


def test_a_bomb_is_refused_and_the_server_goes_on(shared_server, token):
    bomb = gzip.compress(b" " * 200_000_000, 1)[:900_000]
    assert post(shared_server, token, bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    assert post(shared_server, token).status_code == 204


def test_calls_and_rejections_are_in_the_figures(shared_server, token):
    post(shared_server, token, b"[5]")
    figures = httpx.get(f"{shared_server.url}/metrics").text
    assert 'watchfloor_ingest_calls_total{endpoint="json",status="4xx"}' in figures
    assert 'watchfloor_ingest_rejected_total{reason="malformed"}' in figures


def test_behind_tls_plain_http_is_refused_and_the_proxys_is_taken(tmp_path):
    with Watchfloor(tmp_path, {"HTTPS": "1", "TRUSTED_PROXIES": "127.0.0.1"}) as server:
        token = server.source_token()
        plain = post(server, token)
        assert (plain.status_code, "location" in plain.headers) == (403, False)
        assert "https" in plain.json()["error"]
        assert post(server, token, headers={"X-Forwarded-Proto": "https"}).status_code == 204
        assert httpx.get(f"{server.url}/").status_code == 301, "the pages still are redirected"
