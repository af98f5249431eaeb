from __future__ import annotations

import asyncio
import json
import socket
import time

import httpx
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.db import OperationalError

from metrics.ingest import app as apps
from metrics.ingest.app import IngestApp
from metrics.ingest.bodies import LARGEST
from metrics.ingest.writer import Behind, Unfit, Writer
from metrics.series.models import Sample, Series
from metrics.sources.models import SourceToken
from metrics.sources.tokens import TokenCache, make_source_token, revoke_source_token

pytestmark = pytest.mark.django_db(transaction=True)

JSON = {"Content-Type": "application/json"}
ONE = b'{"metric":"orders","value":42}'


async def django(scope, receive, send):
    """What stands behind: it says that it was asked."""
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"django"})


class Refusing:
    """A writer that raises."""

    def __init__(self, error):
        self.error = error

    async def write(self, readings):
        raise self.error


@pytest.fixture
def token(shop):
    return make_source_token(shop)


@pytest.fixture
async def writer():
    writer = Writer(lambda _stored: None)
    yield writer
    await writer.stop()


@pytest.fixture
def post(token, writer):
    """`await post(body, …)`: the answer to a POST of the body with the source's token."""

    async def post(body=ONE, *, path="/api/samples", method="POST", writer=writer, tokens=None, **headers):
        headers = {"Authorization": f"Bearer {token}"} | JSON | {k.replace("_", "-"): v for k, v in headers.items()}
        headers = {name: value for name, value in headers.items() if value is not None}
        transport = httpx.ASGITransport(app=IngestApp(django, writer, tokens=tokens))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(method, path, content=body, headers=headers)

    return post


async def stored():
    return [value async for value in Sample.objects.order_by("series__name", "ts").values_list("series__name", "value")]


async def test_a_sample_is_stored_when_the_answer_comes(post):
    answer = await post()
    assert (answer.status_code, answer.content) == (204, b"")
    assert await stored() == [("orders", 42.0)]


async def test_a_list_is_stored_whole(post):
    body = [{"metric": name, "value": n, "ts": time.time(), "labels": {"region": "eu"}} for n, name in enumerate("abc")]
    assert (await post(json.dumps(body).encode())).status_code == 204
    assert await stored() == [("a", 0.0), ("b", 1.0), ("c", 2.0)]
    assert (await Series.objects.afirst()).labels == {"region": "eu"}


async def test_sending_the_same_again_is_no_error_and_stores_nothing_twice(post):
    body = json.dumps({"metric": "orders", "value": 1, "ts": time.time()}).encode()
    assert [(await post(body)).status_code for _ in range(2)] == [204, 204]
    assert await stored() == [("orders", 1.0)]


async def test_an_empty_list_is_no_error(post):
    assert (await post(b"[]")).status_code == 204


@pytest.mark.parametrize("bad", ["NaN", "1e999", '"5"', "true"])
async def test_a_bad_sample_refuses_the_whole_request_and_is_named(post, bad):
    answer = await post(f'[{{"metric":"a","value":1}},{{"metric":"b","value":{bad}}}]'.encode())
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"].startswith("samples[1].value: expected a finite number, got ")
    assert await stored() == []


async def test_a_lone_surrogate_is_answered_and_not_crashed_on(post):
    answer = await post(b'{"metric":"a","value":1,"\\ud800":1}')
    assert (answer.status_code, "unknown field" in answer.text) == (400, True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_another_method_is_told_which_one_to_use(post, method):
    answer = await post(b"", method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wfs_wrong", "Bearer x y", "Basic YTpi", "Token wfs_x", "bearer\twfs_x"],
)
async def test_a_stranger_is_asked_for_a_token(post, authorization):
    answer = await post(Authorization=authorization)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="watchfloor"')
    assert await stored() == []


async def test_the_scheme_may_be_written_small(post, token):
    assert (await post(Authorization=f"bearer  {token}")).status_code == 204


async def test_two_tokens_at_once_are_none(writer, token):
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    transport = httpx.ASGITransport(app=IngestApp(django, writer))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        assert (await client.post("/api/samples", content=ONE, headers=headers)).status_code == 401


async def test_a_revoked_token_is_refused(post):
    await sync_to_async(lambda: revoke_source_token(SourceToken.objects.get()))()
    assert (await post()).status_code == 401


async def test_a_stranger_is_refused_before_his_body_is_read(writer):
    async def receive():
        raise AssertionError("nobody reads this")

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/api/samples", "method": "POST", "headers": []}
    await IngestApp(django, writer)(scope, receive, send)
    assert sent[0]["status"] == 401


@pytest.mark.parametrize(
    "kind",
    [None, "", "application/json", "Application/JSON; charset=UTF-8", "text/json", "application/x-www-form-urlencoded"],
)
async def test_json_is_taken_with_its_type_without_one_and_with_that_of_curl(post, kind):
    assert (await post(Content_Type=None, **({} if kind is None else {"content_type": kind}))).status_code == 204


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data", "application/json; charset=latin-1"]
)
async def test_another_type_is_refused(post, kind):
    assert (await post(Content_Type=None, content_type=kind)).status_code == 415


async def test_a_form_is_told_that_json_is_expected(post):
    answer = await post(b"metric=orders&value=42", Content_Type=None, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, "expected JSON" in answer.text) == (400, True)


@pytest.mark.parametrize("coding, status", [("identity", 204), ("gzip", 415)])
async def test_compressed_bodies_are_not_taken_yet(post, coding, status):
    assert (await post(content_encoding=coding)).status_code == status


async def test_a_mebibyte_is_taken_and_a_byte_more_is_not(post):
    padded = ONE + b" " * (LARGEST - len(ONE))
    assert (await post(padded)).status_code == 204
    answer = await post(padded + b" ")
    assert (answer.status_code, "1048576" in answer.text) == (413, True)
    assert await stored() == [("orders", 42.0)]


async def test_a_body_in_chunks_is_taken_and_its_bytes_are_counted(post):
    async def chunks(size):
        yield ONE
        for _ in range(size // 4096):
            yield b" " * 4096

    assert (await post(chunks(4096))).status_code == 204
    assert (await post(chunks(2 * LARGEST))).status_code == 413


async def test_a_long_list_is_decoded_beside_the_loop(post):
    body = json.dumps([{"metric": f"m{n % 50}", "value": n} for n in range(5_000)]).encode()
    assert len(body) > apps.LONG
    assert (await post(body)).status_code == 204
    bad = json.dumps([{"metric": "m", "value": n} for n in range(5_000)] + [5]).encode()
    assert (await post(bad)).json()["error"] == "samples[5000]: expected an object, got 5"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "x" * 200])
async def test_any_host_is_taken(post, host):
    assert (await post(Host=host)).status_code == 204


async def test_no_redirect_no_cookie_and_no_csrf(post):
    answer = await post(path="/api/samples/")
    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/api/", "/api/samples/x", "/api/sample", "/API/samples"])
async def test_other_paths_are_djangos(post, path):
    assert (await post(path=path)).content == b"django"


async def test_sockets_are_djangos(writer):
    seen = []

    async def behind(scope, receive, send):
        seen.append(scope["type"])

    await IngestApp(behind, writer)({"type": "websocket", "path": "/api/samples"}, None, None)
    assert seen == ["websocket"]


async def test_a_writer_that_is_behind_is_a_503_that_says_when_to_come_again(post):
    answer = await post(writer=Refusing(Behind("too many samples are waiting to be stored")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"].endswith("nothing was stored, send it again")


async def test_samples_that_the_database_refuses_are_a_400_since_they_would_be_again(post):
    assert (await post(writer=Refusing(Unfit("the database refuses these samples")))).status_code == 400


@pytest.mark.parametrize("error", [OperationalError("gone"), TimeoutError()])
async def test_a_database_that_cannot_look_up_a_token_is_a_503_and_no_401(post, error):
    def find(_token):
        raise error

    assert (await post(tokens=TokenCache(find))).status_code == 503


async def test_a_sender_that_goes_away_gets_no_answer_and_stores_nothing(writer, token):
    messages = [{"type": "http.request", "body": ONE, "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "path": "/api/samples", "method": "POST", "headers": headers}
    await IngestApp(django, writer)(scope, receive, send)
    assert (sent, await stored()) == ([], [])


@pytest.fixture
async def address(writer):
    """The app on a real server."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(IngestApp(django, writer), lifespan="off", log_level="error"))
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/samples"
        server.should_exit = True
        await serving


async def test_over_a_real_connection_each_answer_arrives_and_the_connection_goes_on(address, token):
    async def chunks():
        for _ in range(24):
            yield b" " * (LARGEST // 8)

    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
        answers = [
            await client.post(address, content=ONE),
            await client.post(address, content=b" " * (3 * LARGEST)),
            await client.post(address, content=chunks()),
            await client.post(address, content=b" " * LARGEST, headers={"Authorization": "Bearer wfs_wrong"}),
            await client.get(address),
            await client.post(address, content=ONE),
        ]
    assert [answer.status_code for answer in answers] == [204, 413, 413, 401, 405, 204]
    assert await stored() == [("orders", 42.0)] * 2
