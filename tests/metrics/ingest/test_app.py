from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import threading
import time
from base64 import b64encode

import httpx
import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.db import OperationalError
from google.rpc.status_pb2 import Status

from live.clock import now_ms
from metrics.ingest import app as apps
from metrics.ingest import bodies, decoding, figures
from metrics.ingest.app import IngestApp
from metrics.ingest.calls import MIB, Answer, Endpoint, Reason, Taken
from metrics.ingest.endpoints import ENDPOINTS
from metrics.ingest.problems import Problem
from metrics.ingest.writer import Behind, Unfit, Writer
from metrics.series.models import Sample, Series
from metrics.series.readings import Identity, Reading
from metrics.series.sightings import skews
from metrics.sources import rejections
from metrics.sources.models import Rejection, Source, SourceToken
from metrics.sources.tokens import TokenCache, make_source_token, revoke_source_token

LARGEST = MIB
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

    async def write(self, taken):
        raise self.error


@pytest.fixture
def token(shop):
    return make_source_token(shop)


@pytest.fixture
async def writer():
    writer = Writer(lambda _stored: None)
    yield writer
    await writer.stop()


@pytest.fixture(autouse=True)
def noted(monkeypatch):
    """Rejections of this test alone."""
    fresh = rejections.Rejections()
    monkeypatch.setattr("metrics.ingest.losses.note", fresh.note)
    return fresh


@pytest.fixture
def ask(token, writer):
    """`await ask(app, body, …)`: the answer of an app to a request with the source's token."""

    async def ask(app, body=ONE, *, path="/api/samples", method="POST", scheme="http", **headers):
        headers = {"Authorization": f"Bearer {token}"} | JSON | {k.replace("_", "-"): v for k, v in headers.items()}
        headers = {name: value for name, value in headers.items() if value is not None}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://testserver") as client:
            return await client.request(method, path, content=body, headers=headers)

    return ask


@pytest.fixture
def post(ask, writer):
    """`await post(body, …)`: the answer to a POST of the body with the source's token."""

    async def post(body=ONE, *, writer=writer, tokens=None, endpoints=ENDPOINTS, **options):
        return await ask(IngestApp(django, writer, tokens=tokens, endpoints=endpoints), body, **options)

    return post


def endpoint(take, path="/raw", **options):
    return Endpoint("raw", re.compile(path), ("POST",), take, **options)


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
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wfs_wrong",
        "Bearer x y",
        "Basic YTpi",
        "Token wfs_x",
        "bearer\twfs_x",
        "Digest x",
    ],
)
async def test_a_stranger_is_asked_for_a_token(post, authorization):
    answer = await post(Authorization=authorization)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="watchfloor"')
    assert await stored() == []


async def test_the_scheme_may_be_written_small(post, token):
    assert (await post(Authorization=f"bearer  {token}")).status_code == 204


@pytest.mark.parametrize("form", ["Bearer {}", "Token {}", "Basic {basic}", "x-api-key"])
async def test_a_token_lets_in_however_it_is_shown(post, token, form):
    basic = b64encode(f"shop:{token}".encode()).decode()
    header = {"x-api-key": token, "Authorization": None}
    if form != "x-api-key":
        header = {"Authorization": form.format(token, basic=basic)}
    assert (await post(**header)).status_code == 204


async def test_a_token_in_the_query_lets_in_only_where_it_may_and_no_format_sees_it(post, token):
    seen = []

    def take(call):
        seen.append(dict(call.query))
        return Taken()

    ways = [endpoint(take, query_token=True), endpoint(take, "/other")]
    for query in (f"?u=shop&p={token}&db=home", f"?db=home&token={token}"):
        answers = [await post(path=f"{path}{query}", Authorization=None, endpoints=ways) for path in ("/raw", "/other")]
        assert [answer.status_code for answer in answers] == [204, 401]
    assert seen == [{"db": "home"}] * 2


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


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
async def test_gzip_is_undone(post, coding):
    assert (await post(gzip.compress(ONE), content_encoding=coding)).status_code == 204
    assert await stored() == [("orders", 42.0)]


@pytest.mark.parametrize("coding", ["identity", ""])
async def test_no_encoding_is_one_too(post, coding):
    assert (await post(content_encoding=coding)).status_code == 204


@pytest.mark.parametrize("coding", ["zstd", "br", "deflate", "snappy", "gzip, gzip", "gzip,identity"])
async def test_another_encoding_is_refused_with_those_that_are_taken(post, coding):
    answer = await post(content_encoding=coding)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, identity")


async def test_a_gzip_bomb_is_refused_soon(post):
    bomb = gzip.compress(b" " * (200 * MIB), 1)
    started = time.perf_counter()
    answer = await post(bomb[:LARGEST], content_encoding="gzip")
    assert answer.status_code == 413
    assert time.perf_counter() - started < 1


async def test_what_is_called_gzip_and_is_none_is_refused(post):
    assert (await post(content_encoding="gzip")).status_code == 400


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
    assert len(body) > decoding.LONG
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


WORDED = {
    "/api/samples": lambda answer: answer.json()["error"],
    "/api/v1/write": lambda answer: answer.json()["error"],
    "/v1/metrics": lambda answer: Status.FromString(answer.content).message,
    "/metrics/job/a": lambda answer: answer.text.removesuffix("\n"),
    "/write": lambda answer: answer.json()["error"],
    "/api/v2/write": lambda answer: answer.json()["message"],
    "/hooks/alertmanager": lambda answer: answer.json()["error"],
}
"""How each protocol tells what is wrong."""
BEFORE = {
    401: ({"Authorization": "Bearer nonsense"}, "unknown or revoked"),
    403: ({}, "expected https"),
    405: ({"method": "PATCH"}, "PATCH: expected"),
    413: ({"body": b"x" * 2_000}, "expected at most 1000 bytes"),
    415: ({"content_encoding": "zstd"}, "content-encoding: expected"),
    503: ({}, "1 samples a second"),
}
"""What is refused before a format gets to see it."""


@pytest.mark.parametrize("path", WORDED)
@pytest.mark.parametrize("status", BEFORE)
async def test_what_is_refused_before_its_format_is_refused_in_its_words(post, settings, monkeypatch, status, path):
    settings.LIMITS = settings.LIMITS | {"ingest_body": 1_000}
    settings.HTTPS = status == 403
    if status == 503:
        monkeypatch.setattr(apps.Pace, "refusal", lambda self, sender: f"{sender.name} may send 1 samples a second")
    options, words = BEFORE[status]
    answer = await post(path=path, Content_Type="application/x-protobuf", **options)
    assert answer.status_code == status
    assert words in WORDED[path](answer)
    written = [value for name, value in answer.headers.items() if name.endswith("-written")]
    assert written == (["0"] * 3 if path == "/api/v1/write" else [])


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_opentelemetry_is_told_in_json_when_it_did_not_send_protobuf(post, kind):
    answer = await post(path="/v1/metrics", Content_Type=kind, Authorization="Bearer nonsense")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"code": 16, "message": "this token is unknown or revoked"}


async def test_a_writer_that_is_behind_is_a_503_that_says_when_to_come_again(post):
    answer = await post(writer=Refusing(Behind("too many samples are waiting to be stored")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"].endswith("; send it again")


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


@pytest.mark.parametrize("scheme, proxied, status", [("http", "", 403), ("https", "", 204), ("http", "https", 204)])
async def test_with_https_plain_http_is_refused_and_never_redirected(post, settings, scheme, proxied, status):
    settings.HTTPS = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    answer = await post(scheme=scheme, X_Forwarded_Proto=proxied)
    assert (answer.status_code, "location" in answer.headers) == (status, False)


async def test_a_proxy_that_nobody_trusts_does_not_make_a_connection_secure(post, settings):
    settings.HTTPS, settings.SECURE_PROXY_SSL_HEADER = True, None
    assert (await post(X_Forwarded_Proto="https")).status_code == 403


async def test_the_path_counts_as_it_was_sent(post):
    seen = []

    def take(call):
        seen.append(call.path)
        return Taken()

    way = endpoint(take, "/job@base64/[^/]+")
    assert (await post(path="/job@base64/YS9i%2Fx%20y", endpoints=[way])).status_code == 204
    assert (await post(path="/job%40base64/x", endpoints=[way])).content == b"django"
    assert seen == ["/job@base64/YS9i%2Fx%20y"]


async def test_the_prefix_under_which_we_are_mounted_is_no_part_of_the_path(writer, token):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": ONE}

    headers = [(b"authorization", f"Bearer {token}".encode())]
    at = {"path": "/floor/api/samples", "raw_path": b"/floor/api/samples", "root_path": "/floor"}
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": b""} | at
    await IngestApp(django, writer)(scope, receive, send)
    assert sent[0]["status"] == 204


async def test_ways_in_that_share_a_path_are_told_apart_by_method(post):
    def way(method, status):
        def answer(taken, outcome):
            return Answer(status, b"x", {"X-Who": method})

        return Endpoint("raw", re.compile("/raw"), (method,), lambda call: Taken(), answer)

    ways = [way("POST", 200), way("DELETE", 202)]
    answers = [await post(path="/raw", method=method, endpoints=ways) for method in ("POST", "DELETE", "GET")]
    assert [answer.status_code for answer in answers] == [200, 202, 405]
    assert [answer.headers.get("x-who") for answer in answers] == ["POST", "DELETE", None]
    assert answers[2].headers["allow"] == "DELETE, POST"


async def test_an_endpoint_without_token_answers_everybody_and_reads_little(post):
    way = endpoint(lambda call: Taken(), "/ping", without_token=True)
    sizes = (apps.ANONYMOUS, apps.ANONYMOUS + 1)
    answers = [await post(b"x" * size, path="/ping", Authorization=None, endpoints=[way]) for size in sizes]
    assert [answer.status_code for answer in answers] == [204, 413]


@pytest.mark.parametrize("pure", [True, False])
async def test_a_fault_of_ours_is_a_400_and_logged_once_without_what_was_sent(ask, caplog, pure):
    def take(call):
        raise LookupError(call.body)

    app = IngestApp(django, None, endpoints=[endpoint(take, is_pure=pure)])
    for _ in range(3):
        answer = await ask(app, b"secret words", path="/raw")
        assert answer.status_code == 400
    [record] = [record for record in caplog.records if record.name == "metrics.ingest.decoding"]
    assert "LookupError" in record.getMessage()
    assert "secret words" not in caplog.text


async def test_an_answer_that_cannot_be_made_does_not_make_the_sender_send_again(post):
    def answer(taken, outcome):
        raise LookupError

    assert (await post(path="/raw", endpoints=[endpoint(lambda call: Taken(), answer=answer)])).status_code == 204


async def test_a_database_that_does_not_answer_a_format_is_a_503(post):
    def take(call):
        raise OperationalError("gone")

    answer = await post(path="/raw", endpoints=[endpoint(take)])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_two_bodies_are_decoded_at_a_time_and_the_others_wait(ask):
    inside, most, gate = [], [], threading.Event()

    def take(call):
        inside.append(1)
        most.append(len(inside))
        gate.wait(5)
        inside.pop()
        return Taken()

    app = IngestApp(django, None, endpoints=[endpoint(take)])
    asked = [asyncio.create_task(ask(app, path="/raw")) for _ in range(6)]
    while len(inside) < 2:
        await asyncio.sleep(0.01)
    gate.set()
    assert [(await answer).status_code for answer in asked] == [204] * 6
    assert max(most) == 2


async def test_who_waits_too_long_to_be_decoded_is_told_to_come_again(ask, monkeypatch):
    monkeypatch.setattr(decoding, "PATIENCE_S", 0.05)
    gate = threading.Event()

    def take(call):
        gate.wait(5)
        return Taken()

    app = IngestApp(django, None, endpoints=[endpoint(take)])
    asked = [asyncio.create_task(ask(app, path="/raw")) for _ in range(3)]
    done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result().status_code for task in done] == [503]
    gate.set()
    assert sorted([(await answer).status_code for answer in asked]) == [204, 204, 503]


async def test_when_the_bodies_of_all_fill_the_memory_more_are_sent_away(post, monkeypatch):
    monkeypatch.setattr(bodies.Shelf.__init__, "__defaults__", (100,))
    assert (await post(ONE + b" " * 100)).status_code == 503
    assert (await post()).status_code == 204


async def test_a_sender_above_its_rate_is_told_to_come_again_before_its_body_is_read(post, ask, writer):
    await Source.objects.aupdate(rate_limit=10)
    app = IngestApp(django, writer)
    body = json.dumps([{"metric": f"m{n}", "value": n} for n in range(50)]).encode()
    answers = [await ask(app, body), await ask(app)]
    assert [answer.status_code for answer in answers] == [204, 503]
    assert answers[1].headers["retry-after"] == "1"
    assert "10 samples a second" in answers[1].json()["error"]
    assert len(await stored()) == 50


async def test_all_senders_together_have_a_rate_too(ask, writer, settings):
    settings.LIMITS = {**settings.LIMITS, "ingest_samples": 1}
    app = IngestApp(django, writer)
    assert [(await ask(app)).status_code for _ in range(2)] == [204, 503]


async def test_the_settings_may_lower_what_a_body_may_have(post, settings):
    settings.LIMITS = {**settings.LIMITS, "ingest_body": 100}
    padded = ONE + b" " * (101 - len(ONE))
    assert (await post(padded)).status_code == 413
    assert (await post(gzip.compress(padded), content_encoding="gzip")).status_code == 413
    assert (await post(padded[:100])).status_code == 204


async def test_above_its_limit_of_series_the_old_ones_go_on_and_the_new_are_counted_and_named(post, noted):
    await Source.objects.aupdate(series_limit=1)
    both = [{"metric": "orders", "value": 1}, {"metric": "new", "value": 1, "labels": {"a": "b"}}]
    assert (await post()).status_code == 204
    assert (await post(json.dumps(both).encode())).status_code == 204
    assert (await post(json.dumps(both[1:]).encode())).status_code == 400
    await sync_to_async(noted.write)()
    row = await Rejection.objects.aget()
    assert (row.reason, row.samples) == (Reason.SERIES_LIMIT, 2)
    assert row.example.startswith('new{a="b"}: refused')
    assert [name for name, _value in await stored()] == ["orders", "orders"]


async def test_duplicates_are_counted(post, noted):
    body = json.dumps([{"metric": "orders", "value": n, "ts": int(time.time())} for n in range(3)]).encode()
    assert (await post(body)).status_code == 204
    assert noted.totals == {Reason.DUPLICATE: 2}


async def test_what_is_rejected_is_counted_and_its_first_error_is_the_sources_last(post, noted):
    def take(call):
        taken = Taken()
        taken.reject(Reason.NOT_FINITE, "line 3: expected a finite number", 4)
        taken.reject(Reason.BAD_NAME, "line 5: no name")
        return taken

    assert (await post(path="/raw", endpoints=[endpoint(take)])).status_code == 204
    await sync_to_async(noted.write)()
    rows = {row.reason: row.samples async for row in Rejection.objects.all()}
    assert rows == {Reason.NOT_FINITE: 4, Reason.BAD_NAME: 1}
    source = await Source.objects.aget()
    assert source.last_error == "line 3: expected a finite number"
    assert abs(source.last_error_at.timestamp() - time.time()) < 5


@pytest.mark.parametrize(
    "request_, reason", [({"body": b"[5]"}, Reason.MALFORMED), ({"content_encoding": "zstd"}, Reason.UNSUPPORTED)]
)
async def test_a_body_of_which_nothing_is_taken_is_an_error_of_its_source(post, noted, request_, reason):
    answer = await post(**request_)
    await sync_to_async(noted.write)()
    assert (await Source.objects.aget()).last_error == answer.json()["error"]
    assert noted.totals == {reason: 1}


async def test_overload_is_no_rejection(post, noted):
    await post(writer=Refusing(Behind("full")))
    assert not noted.totals


async def test_the_clock_of_a_sender_is_compared_with_ours(post, shop):
    late = json.dumps({"metric": "orders", "value": 1, "ts": (now_ms() - 40_000) / 1_000}).encode()
    assert (await post(late)).status_code == 204
    assert 40_000 <= (await Source.objects.aget()).skew_ms < 45_000


async def test_a_sender_without_times_has_no_clock(post, shop):
    assert (await post()).status_code == 204
    source = await Source.objects.aget()
    assert (source.skew_ms, source.last_seen_at is None) == (None, False)
    assert skews.of(shop.pk) is None


async def test_calls_are_counted_by_endpoint_and_class_of_status(post, monkeypatch):
    monkeypatch.setattr(figures, "calls", figures.Counter())
    for body in (ONE, ONE, b"5"):
        await post(body)
    await post(Authorization=None)
    assert figures.calls == {("json", "2xx"): 2, ("json", "4xx"): 2}


def numbered(call):
    """A format of one number a line."""
    taken = Taken()
    for number, line in enumerate(call.body.decode().splitlines(), call.line):
        if line == "bad":
            taken.reject(Reason.MALFORMED, f"line {number}: expected a number")
        elif line == "worse":
            raise Problem(400, f"line {number}: no more")
        elif line.strip():
            taken.readings.append(Reading(Identity(call.sender.id, "orders"), call.now - int(line), float(line)))
    return taken


BY_LINE = endpoint(numbered, by_line=True, largest=25 * MIB, unpacked=25 * MIB, is_pure=True)


def told(taken, outcome):
    return Answer(200, json.dumps([outcome.new, taken.rejected[Reason.MALFORMED], taken.error]).encode())


async def in_chunks(body, size=100_000):
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_a_body_by_line_is_stored_piece_by_piece(ask, writer, coding):
    sizes = []

    class Watching:
        async def write(self, taken):
            sizes.append(len(taken.readings))
            return await writer.write(taken)

    lines = [b"%d" % n + b" " * 4_000 for n in range(1, 1_001)]
    lines[500] = lines[900] = b"bad"
    body = b"\n".join(lines)
    packed = gzip.compress(body) if coding == "gzip" else body
    app = IngestApp(django, Watching(), endpoints=[endpoint(numbered, answer=told, by_line=True)])
    answer = await ask(app, in_chunks(packed), path="/raw", content_encoding=coding)
    assert answer.json() == [998, 2, "line 501: expected a number"]
    assert len(await stored()) == sum(sizes) == 998
    assert len(sizes) > 10


async def test_a_body_by_line_is_decoded_before_all_of_it_came(writer, token):
    pieces = asyncio.Queue()
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "path": "/raw", "method": "POST", "headers": headers, "query_string": b""}
    asked = asyncio.create_task(IngestApp(django, writer, endpoints=[BY_LINE])(scope, pieces.get, send))
    pieces.put_nowait({"type": "http.request", "body": b"7\n" + b" " * MIB + b"\n9", "more_body": True})
    for _ in range(500):
        if await stored():
            break
        await asyncio.sleep(0.01)
    assert (await stored(), sent) == ([("orders", 7.0)], [])
    pieces.put_nowait({"type": "http.request", "body": b"1\n", "more_body": False})
    await asked
    assert sent[0]["status"] == 204
    assert sorted(value for _name, value in await stored()) == [7.0, 91.0]


async def test_what_was_stored_of_a_body_by_line_stays_when_its_end_is_bad(post):
    body = b"7\n" + (b" " * 1_000 + b"\n") * 2_000 + b"worse\n"
    answer = await post(in_chunks(body), path="/raw", endpoints=[BY_LINE])
    assert (answer.status_code, answer.json()["error"]) == (400, "line 2002: no more")
    assert await stored() == [("orders", 7.0)]


async def test_a_body_by_line_whose_gzip_ends_too_early_is_refused(post):
    packed = gzip.compress(b"7\n" * 5)[:-4]
    answer = await post(packed, path="/raw", endpoints=[BY_LINE], content_encoding="gzip")
    assert (answer.status_code, "ends too early" in answer.text) == (400, True)


async def test_a_body_by_line_has_its_own_size(post):
    def lines(size):
        return (b" " * 1_023 + b"\n") * (size // 1_024)

    sizes = (25 * MIB, 25 * MIB + 1_024)
    answers = [await post(lines(size), path="/raw", endpoints=[BY_LINE]) for size in sizes]
    assert [answer.status_code for answer in answers] == [204, 413]


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
