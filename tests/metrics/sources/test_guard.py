from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
import zlib
from base64 import b64encode
from contextlib import contextmanager

import pytest

from metrics.sources import guard
from metrics.sources.guard import BadStatus, fetch, get, host_and_port, parsed
from metrics.sources.pulling import PullFailed
from tests.servers.processes import free_port
from tests.servers.pulled import pulled_server


@pytest.fixture
def page():
    with pulled_server() as pulled:
        pulled.documents["/"] = b"a 1\n"
        yield pulled


def failed(url, **options):
    with pytest.raises(PullFailed) as error:
        fetch(url, **({"timeout_s": 5} | options))
    return str(error.value)


@contextmanager
def speaking(serve):
    """The address of a server that does with a connection what it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, serve), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def _serve(listener, serve):
    try:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            serve(connection)
    except OSError:
        pass


def test_a_page_is_fetched(page):
    page.headers["/"] = {"Content-Type": "Text/Plain; Version=0.0.4"}
    assert get(f"{page.url}/", timeout_s=5, accept="text/plain") == (b"a 1\n", "text/plain; version=0.0.4")
    assert page.asked[0].headers["accept"] == "text/plain"
    assert page.asked[0].headers["host"] == page.url.removeprefix("http://")


def test_the_query_is_sent_as_it_is(page):
    fetch(f"{page.url}/?q=a%2Fb&x=1#part", timeout_s=5)
    assert page.asked[0].path == "/?q=a%2Fb&x=1"


@pytest.mark.parametrize(
    "url, sentence",
    [
        ("", "must begin with http:// or https://"),
        ("localhost:9100/metrics", "must begin with"),
        ("ftp://host/", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("http:///metrics", "must begin with"),
        ("http://host:99999/", "This is not an address."),
        ("http://ho st/\x00", "This is not an address."),
        ("http://user:secret@host/", "into their own fields"),
    ],
)
def test_an_address_that_cannot_be_fetched_is_said_to_be_so(url, sentence):
    said = failed(url)
    assert sentence in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "url, instance",
    [
        ("http://host:9100/metrics", "host:9100"),
        ("http://host/metrics", "host:80"),
        ("https://host", "host:443"),
        ("http://[::1]:9100/", "[::1]:9100"),
        ("http://[::1]/", "[::1]:80"),
    ],
)
def test_an_instance_is_named_with_its_port(url, instance):
    assert host_and_port(parsed(url)) == instance


def test_a_password_or_a_token_is_sent(page):
    fetch(page.url, timeout_s=5, user="scraper", secret="se:cret")
    fetch(page.url, timeout_s=5, secret="token")
    fetch(page.url, timeout_s=5)
    basic = "Basic " + b64encode(b"scraper:se:cret").decode()
    assert [asked.headers.get("authorization") for asked in page.asked] == [basic, "Bearer token", None]
    assert failed(page.url, secret="to\r\nken") == "The token has characters that cannot be sent."


@pytest.mark.parametrize(
    "status, sentence",
    [
        (401, "The server does not let us in (401)"),
        (403, "The server does not let us in (403)"),
        (404, "The server has no such page (404)."),
        (500, "The server answered 500, not with a page."),
        (204, "The server answered 204, not with a page."),
    ],
)
def test_a_bad_status_is_a_sentence_and_keeps_the_body(page, status, sentence):
    page.statuses["/"] = status
    with pytest.raises(BadStatus) as error:
        fetch(f"{page.url}/", timeout_s=5)
    assert str(error.value).startswith(sentence)
    assert error.value.body == (b"" if status == 204 else b"a 1\n")


def test_a_redirect_is_followed_on_the_same_host(page):
    page.statuses["/old"] = 302
    page.documents["/old"] = b""
    page.headers["/old"] = {"Location": "/"}
    assert fetch(f"{page.url}/old", timeout_s=5, secret="token") == b"a 1\n"
    assert page.asked[1].headers["authorization"] == "Bearer token"


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/",
        "http://localhost:{port}/",
        "//other.example/",
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
    ],
)
def test_a_redirect_to_another_host_is_not_followed(page, location):
    page.statuses["/"] = 301
    page.headers["/"] = {"Location": location.format(port=page.url.rpartition(":")[2])}
    assert failed(f"{page.url}/") == "The page redirects to another host, which is not followed."
    assert len(page.asked) == 1


def test_redirects_in_a_circle_come_to_an_end(page):
    page.statuses["/"] = 307
    page.headers["/"] = {"Location": "/"}
    assert failed(f"{page.url}/") == "The page redirects too often."
    assert len(page.asked) == guard.REDIRECTS + 1


def test_gzip_is_asked_for_and_undone(page):
    page.documents["/"] = gzip.compress(b"a 1\n" * 1_000)
    page.headers["/"] = {"Content-Encoding": "gzip"}
    assert fetch(page.url, timeout_s=5) == b"a 1\n" * 1_000
    assert page.asked[0].headers["accept-encoding"] == "gzip"


def test_a_page_has_an_end_before_and_after_decompression(page):
    page.documents["/"] = b"x" * 1_000
    assert len(fetch(page.url, timeout_s=5, largest=1_000)) == 1_000
    assert failed(page.url, largest=999) == "The page is larger than 0 MiB."
    page.headers["/"] = {"Content-Encoding": "gzip"}
    page.documents["/"] = gzip.compress(b"x" * 1_000)
    assert len(fetch(page.url, timeout_s=5, largest=1_000)) == 1_000
    assert failed(page.url, largest=999) == "The page is larger than 0 MiB."


def test_a_page_that_unpacks_to_256_mib_is_never_held(page):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    page.documents["/"] = b"".join(squeeze.compress(bytes(1024**2)) for _ in range(256)) + squeeze.flush()
    page.headers["/"] = {"Content-Encoding": "gzip"}
    tracemalloc.start()
    try:
        assert failed(page.url) == "The page is larger than 10 MiB."
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50 * 1024**2


@pytest.mark.parametrize(
    "encoding, body, sentence",
    [
        ("gzip", b"a 1\n", "The page is said to be gzip, and is not."),
        ("gzip", gzip.compress(b"a 1\n" * 100)[:-12], "The page breaks off."),
        ("br", b"a 1\n", "The page is compressed in a way that was not asked for."),
    ],
)
def test_what_cannot_be_unpacked_is_said_to_be_so(page, encoding, body, sentence):
    page.documents["/"] = body
    page.headers["/"] = {"Content-Encoding": encoding}
    assert failed(page.url) == sentence


def test_a_closed_port_is_a_refused_connection():
    assert failed(f"http://127.0.0.1:{free_port()}/").startswith("Connection refused: ")


@pytest.mark.parametrize("trickle", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_a_server_that_sends_a_byte_now_and_then_is_left_in_time(trickle):
    def slowly(connection):
        connection.sendall(trickle)
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    with speaking(slowly) as url:
        assert failed(url, timeout_s=0.5) == "There was no whole answer within the time limit."
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"]
)
def test_what_does_not_speak_http_is_said_to_be_so(answer):
    with speaking(lambda connection: connection.sendall(answer)) as url:
        assert failed(url).startswith("The connection broke off, or what answers does not speak HTTP")


def test_https_checks_the_certificate_by_the_name(page, resolver, tls_server):
    port, trusted = tls_server
    resolver["exporter.example"] = resolver["other.example"] = [["127.0.0.1"]]
    assert "is not trusted" in failed(f"https://exporter.example:{port}/")
    with trusted():
        assert fetch(f"https://exporter.example:{port}/", timeout_s=5) == b"safe 1\n"
        assert "is not trusted" in failed(f"https://other.example:{port}/")
    assert "does not speak TLS" in failed(page.url.replace("http:", "https:"))


@pytest.fixture
def tls_server(tmp_path, monkeypatch):
    """The port of a server with a certificate for exporter.example, and a context in which it is trusted."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=exporter.example"]
    command += ["-addext", "subjectAltName=DNS:exporter.example"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    with pulled_server(certificate=certificate, key=key) as server:
        server.documents["/"] = b"safe 1\n"

        @contextmanager
        def trusted():
            with monkeypatch.context() as patch:
                patch.setattr(guard, "_trust", lambda: ssl.create_default_context(cafile=str(certificate)))
                yield

        yield server.url.rpartition(":")[2], trusted


def test_no_secret_and_no_address_reaches_a_log(page, caplog):
    caplog.set_level("DEBUG")
    fetch(f"{page.url}/?token=hidden", timeout_s=5, user="scraper", secret="hidden")
    failed(f"{page.url}/none?token=hidden", secret="hidden")
    assert "hidden" not in caplog.text
