from __future__ import annotations

import socket

import pytest

from metrics.sources.models import Source


@pytest.fixture
def shop(db) -> Source:
    return Source.objects.create(name="shop")


@pytest.fixture
def resolver(monkeypatch):
    """What names resolve to, one answer after the other; the last one stays."""
    answers = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):
        found = answers.get(host)
        if found is None:
            return real(host, *args, **kwargs)
        now = found.pop(0) if len(found) > 1 else found[0]
        return [info for address in now for info in real(address, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return answers
