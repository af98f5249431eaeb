"""Which addresses may be fetched, and connections that lead only there and end in time.

Whoever may add a source could otherwise read through it what only this machine can reach: the cloud's metadata with
its keys, above all. A name is resolved once, and the connection goes to the very address that was judged.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from time import monotonic

import httpcore
from django.conf import settings

from metrics.sentences import sentence as _
from metrics.sources.pulling import PullFailed

Address = IPv4Address | IPv6Address

NEVER = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "168.63.129.16/32",  # the host of a machine at Azure
        "169.254.0.0/16",  # link-local, with the metadata of most clouds
        "192.0.0.192/32",  # metadata of Oracle Cloud
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fd00:42::42/128",  # metadata of Scaleway
        "fd00:ec2::/32",  # metadata and time of Amazon
        "fd20:ce::254/128",  # metadata of Google Cloud
        "fe80::/10",
        "ff00::/8",
    )
]
SITE_LOCAL = ip_network("fec0::/10")
NAT64 = ip_network("64:ff9b::/96")


def is_allowed(address: Address, *, private: bool) -> bool:
    """Whether the address may be fetched; loopback, private and shared ranges only where `private` is set."""
    inner = _embedded(address)
    if inner is not None and not is_allowed(inner, private=private):
        return False
    if any(address in network for network in NEVER):
        return False
    return private or _is_public(address) or (inner is not None and address not in NAT64)


def allowed_addresses(host: str, port: int) -> list[str]:
    """The addresses of the name that may be fetched, in the resolver's order. Raises PullFailed when there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise PullFailed(_("The name %(host)s is not known.", host=host)) from None
    addresses = dict.fromkeys(str(sockaddr[0]) for *_family, sockaddr in found)
    kept = [text for text in addresses if is_allowed(ip_address(text), private=settings.PULL_PRIVATE)]
    if not kept:
        raise PullFailed(_("%(host)s is at an address that is not fetched.", host=host))
    return kept


class GuardedBackend(httpcore.NetworkBackend):
    """Connects httpcore to allowed addresses, and lets nothing last beyond `ends` (monotonic seconds).

    Time limits of single reads are not enough: a server that sends a byte a second keeps to all of them.
    """

    def __init__(self, ends: float) -> None:
        self._ends = ends
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in allowed_addresses(host, port):
            try:
                stream = self._backend.connect_tcp(address, port, _left(self._ends), local_address, socket_options)
                return _TimedStream(stream, self._ends)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(host)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left(self._ends)), self._ends)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


def _is_public(address: Address) -> bool:
    return address.is_global and address not in SITE_LOCAL


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to by translation or a tunnel."""
    if isinstance(address, IPv4Address):
        return None
    if address in NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
