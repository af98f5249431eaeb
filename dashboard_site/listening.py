"""The listening socket: bound before anything else is done, so that a taken port is told at once."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

from django.core.management.base import CommandError

BACKLOG = 2048
SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel holds for a peer that does not read. Accepted sockets inherit it, as they do the next."""
UNACKNOWLEDGED_MS = 12_000
"""After which the kernel gives up a peer that acknowledges nothing."""


@contextlib.contextmanager
def listening(host: str, port: int, *, shared: bool = False) -> Iterator[socket.socket]:
    """A listening socket. With `shared` other processes of ours may listen beside it.

    Raises CommandError when the address cannot be had.
    """
    try:
        listener = socket.create_server(
            (host, port), family=family_of(host), backlog=BACKLOG, reuse_port=shared and hasattr(socket, "SO_REUSEPORT")
        )
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise CommandError(
            f"Cannot listen on {host}:{port} ({why}): stop the program that does, or choose another port, "
            f"such as PORT={port % 65535 + 1}."
        ) from None
    with listener:
        _bound_losses(listener)
        yield listener


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _bound_losses(listener: socket.socket) -> None:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
