from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from live.clock import to_ms
from metrics.hooks.endpoints import ENDPOINTS
from metrics.ingest.calls import Answer, Call, Outcome, Sender
from metrics.sources.models import Source

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture
def shop(db) -> Source:
    return Source.objects.create(name="shop")


@pytest.fixture
def post(shop):
    """`post("/hooks/…", document)`: what the webhook is answered. Bytes are sent as they are."""

    def post(path: str, document: Any, *, at: datetime = NOW, source: Source = shop, **query: str) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        (endpoint,) = [endpoint for endpoint in ENDPOINTS if endpoint.paths.fullmatch(path)]
        call = Call("POST", path, query, {}, body, Sender(source.pk, source.name), to_ms(at), to_ms(at) - 86_400_000)
        return endpoint.answer(endpoint.take(call), Outcome())

    return post


@pytest.fixture
def told(post):
    """`told("/hooks/…", document)`: the counts in the answer."""

    def told(*arguments: Any, **more: Any) -> dict[str, int]:
        answer = post(*arguments, **more)
        assert answer.status == 200
        return json.loads(answer.body)

    return told
