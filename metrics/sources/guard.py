"""Fetching over HTTP: within the time limit, no more than agreed, and from nowhere that is not allowed (addresses.py).

The sentences of what fails hold neither the address, in which people put tokens, nor a secret.
"""

from __future__ import annotations

import ssl
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import cache
from time import monotonic
from typing import NamedTuple, TypedDict

import httpcore
import httpx

from metrics.ingest.calls import MIB
from metrics.sentences import Sentence
from metrics.sentences import sentence as _
from metrics.sources.addresses import GuardedBackend
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed

LARGEST = 10 * MIB
REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
DENIED = (401, 403)


class BadStatus(PullFailed):
    """The server answered, but not with 200. `body` is what it said."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(_described(status))
        self.status = status
        self.body = body


class Page(NamedTuple):
    """`content_type` is in lower case, "" where there is none."""

    body: bytes
    content_type: str


class Credentials(TypedDict):
    user: str
    secret: str


def fetch(url: str, *, timeout_s: float, user: str = "", secret: str = "", largest: int = LARGEST) -> bytes:
    """The body of the page, unpacked. Raises PullFailed, and BadStatus of it."""
    return get(url, timeout_s=timeout_s, user=user, secret=secret, largest=largest).body


def get(
    url: str, *, timeout_s: float, user: str = "", secret: str = "", accept: str = "*/*", largest: int = LARGEST
) -> Page:
    """The page. Raises PullFailed, and BadStatus of it.

    With a user name, `secret` is its password (Basic), otherwise a token (Bearer). `timeout_s` bounds the whole, and
    `largest` the bytes after decompression. Redirects are followed on the same host only.
    """
    ends, here = monotonic() + timeout_s, parsed(url)
    headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "Watchfloor"} | _authorization(user, secret)
    for _step in range(REDIRECTS + 1):
        got = _get(here, headers, ends, largest)
        if isinstance(got, Page):
            return got
        here = _followed(here, got)
    raise PullFailed(_("The page redirects too often."))


def credentials(pull: Pull) -> Credentials:
    return {"user": pull.user, "secret": pull.secret}


def parsed(address: str) -> httpx.URL:
    """The address, when it can be fetched. Raises PullFailed."""
    try:
        url = httpx.URL(address.strip())
        is_usable = (url.port or 0) < 2**16
    except (httpx.InvalidURL, ValueError):
        is_usable = False
    if not is_usable:
        raise PullFailed(_("This is not an address."))
    if url.scheme not in PORTS or not url.host:
        raise PullFailed(_("The address must begin with http:// or https:// and name a host."))
    if url.userinfo:
        raise PullFailed(_("Put the user name and the password into their own fields, not into the address."))
    return url


def host_and_port(url: httpx.URL) -> str:
    """As Prometheus names an instance: always with the port, and an IPv6 address in brackets."""
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{_port(url)}"


def _authorization(user: str, secret: str) -> dict[str, str]:
    if user:
        return {"Authorization": "Basic " + b64encode(f"{user}:{secret}".encode()).decode("ascii")}
    if not (secret.isascii() and secret.isprintable()):
        raise PullFailed(_("The token has characters that cannot be sent."))
    return {"Authorization": f"Bearer {secret.strip()}"} if secret.strip() else {}


def _get(url: httpx.URL, headers: Mapping[str, str], ends: float, largest: int) -> Page | str:
    """The page, or where it redirects to."""
    # Not httpx.Client: it logs every address with its query.
    trust = _trust() if url.scheme == "https" else None
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    try:
        with (
            closing(httpcore.ConnectionPool(trust, network_backend=GuardedBackend(ends))) as pool,
            pool.stream("GET", target, headers=list(headers.items())) as response,
        ):
            return _read(response, largest)
    except httpcore.TimeoutException:
        raise PullFailed(_("There was no whole answer within the time limit.")) from None
    except httpcore.ConnectError as error:
        raise PullFailed(_unconnected(error)) from None
    except (httpcore.NetworkError, httpcore.ProtocolError):
        raise PullFailed(_("The connection broke off, or what answers does not speak HTTP.")) from None


@cache
def _trust() -> ssl.SSLContext:
    """Reading the certificates takes 20 ms. `SSL_CERT_FILE` names others."""
    return httpx.create_ssl_context()


def _read(response: httpcore.Response, largest: int) -> Page | str:
    headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
    if response.status in (301, 302, 303, 307, 308):
        return headers.get(b"location", "")
    pieces = _unpacked(response.iter_stream(), headers.get(b"content-encoding", "").strip().lower(), largest)
    body = b"".join(_bounded(pieces, largest))
    if response.status != 200:
        raise BadStatus(response.status, body)
    return Page(body, headers.get(b"content-type", "").lower())


def _unpacked(chunks: Iterable[bytes], encoding: str, largest: int) -> Iterator[bytes]:
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip"):
        raise PullFailed(_("The page is compressed in a way that was not asked for."))
    inflate = zlib.decompressobj(31)
    try:
        for chunk in chunks:
            # One byte more than is taken: a small page may unpack to gigabytes.
            yield inflate.decompress(chunk, largest + 1)
            if inflate.eof:
                return
    except zlib.error:
        raise PullFailed(_("The page is said to be gzip, and is not.")) from None
    raise PullFailed(_("The page breaks off."))


def _bounded(pieces: Iterable[bytes], largest: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > largest:
            raise PullFailed(_("The page is larger than %(size)d MiB.", size=largest // MIB))
        yield piece


def _followed(url: httpx.URL, location: str) -> httpx.URL:
    """Where the redirect leads: on the same host and port, or from http to https of the same host."""
    try:
        target = parsed(str(url.join(location)))
    except (httpx.InvalidURL, ValueError):
        raise PullFailed(_("The page redirects to what is not an address.")) from None
    before, after = (url.scheme, _port(url)), (target.scheme, _port(target))
    if target.host != url.host or (after != before and (before, after) != (("http", 80), ("https", 443))):
        raise PullFailed(_("The page redirects to another host, which is not followed."))
    return target


def _port(url: httpx.URL) -> int:
    return url.port or PORTS[url.scheme]


def _unconnected(error: Exception) -> Sentence:
    """httpcore keeps what the system said as its only argument."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _("The certificate of the server is not trusted: %(why)s.", why=cause.verify_message)
    if isinstance(cause, ssl.SSLError):
        return _("The server does not speak TLS there; its address may begin with http://.")
    if isinstance(cause, ConnectionRefusedError):
        return _("Connection refused: nothing listens at this address and port.")
    return _("The server cannot be reached.")


def _described(status: int) -> Sentence:
    if status in DENIED:
        return _(
            "The server does not let us in (%(status)d): check the user name, the password or the token.", status=status
        )
    if status == 404:
        return _("The server has no such page (404).")
    return _("The server answered %(status)d, not with a page.", status=status)
