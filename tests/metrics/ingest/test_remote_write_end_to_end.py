"""remote_write into the database, through the app as a server runs it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from live.clock import now_ms
from metrics.ingest.families import Type
from tests.metrics.ingest.by_hand import STALE, V2, Symbols, metadata, packed, sample, series_2, up
from tests.metrics.ingest.test_otlp_sdk import stored

WRITTEN = "x-prometheus-remote-write-samples-written"


class Sender:
    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def send(self, body: bytes, *, content_type: str = "application/x-protobuf", **headers: str) -> httpx.Response:
        given = {"Content-Type": content_type, "Content-Encoding": "snappy"} | headers
        return self._client.post("/api/v1/write", content=packed(body), headers=given)


@pytest.fixture
def sender(shared_server, request) -> Iterator[Sender]:
    token = shared_server.source_token(request.node.name)
    with httpx.Client(base_url=shared_server.url, headers={"Authorization": f"Bearer {token}"}) as client:
        yield Sender(client)


@pytest.fixture
def kept(shared_server, request):
    return lambda: stored(shared_server, request.node.name)


def test_samples_metadata_and_an_end_come_one_after_the_other(sender, kept):
    now = now_ms()
    assert sender.send(up(1, now - 2_000, host="a")).status_code == 204
    assert sender.send(metadata(Type.GAUGE, "up", "Whether it answers.")).status_code == 204
    answer = sender.send(up(0, now - 1_000, host="a") + up(STALE, now, host="a"))
    assert (answer.status_code, answer.headers[WRITTEN]) == (204, "2")
    assert kept() == {("up", "host=a"): ["gauge", "", "Whether it answers.", [1, 0]]}


def test_what_is_sent_again_is_written_and_stored_once(sender, kept):
    body = up(1, now_ms())
    for _ in range(2):
        assert sender.send(body).headers[WRITTEN] == "1"
    assert kept()[("up",)][-1] == [1]


def test_the_good_part_is_stored_and_the_fault_is_told(sender, kept):
    symbols, now = Symbols(), now_ms()
    parts = [series_2(symbols, labels, sample(5, now)) for labels in ({"job": "x"}, {"__name__": "good"})]
    answer = sender.send(bytes(symbols) + b"".join(parts), content_type=V2)
    assert (answer.status_code, answer.headers[WRITTEN]) == (400, "1")
    assert "__name__" in answer.json()["error"]
    assert kept()[("good",)][-1] == [5]


def test_another_encoding_is_refused_and_says_which_is_taken(sender):
    answer = sender.send(up(), **{"Content-Encoding": "zstd"})
    assert answer.status_code == 415
    assert "snappy" in answer.headers["accept-encoding"]
