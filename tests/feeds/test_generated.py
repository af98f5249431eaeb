"""Bodies that nobody would think of: each parser takes or refuses them at once, and a server lives on with them.

All go through the endpoint's own `take`, and a part of them over HTTP as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.ingest.calls import Call, Endpoint, Sender
from metrics.ingest.endpoints import ENDPOINTS
from metrics.sources.models import Source
from tests.faults.measuring import report
from tests.faults.sizes import sized
from tests.feeds.attacks import FAMILIES, HOOK, JSON, LINES, OTLP, PROTOBUF, PUSH, SAMPLES, SNAPPY, WRITE
from tests.feeds.siege import Siege
from tests.metrics.ingest.by_hand import DAY, NOW, V2
from tests.metrics.ingest.checking import assert_sound
from tests.metrics.ingest.hostile import (
    otlp_bodies,
    otlp_json_bodies,
    remote_write_bodies,
    remote_write_v2_bodies,
)
from tests.metrics.ingest.hostile_families import family_bodies
from tests.metrics.ingest.hostile_json import json_bodies
from tests.metrics.ingest.hostile_lines import hook_bodies, line_bodies
from tests.metrics.ingest.hostile_text import exposition_bodies

BODIES = sized(300, 3_000, 50_000)
OVER_HTTP = 10
"""One of so many is sent to a server."""
OPENMETRICS = {"Content-Type": "application/openmetrics-text; version=1.0.0"}


@dataclass(frozen=True)
class Parser:
    path: str
    bodies: Callable[[], st.SearchStrategy[bytes]]
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"

    @property
    def endpoint(self) -> Endpoint:
        return next(one for one in ENDPOINTS if one.paths.fullmatch(self.path.partition("?")[0]))


PURE = {
    "json": Parser(SAMPLES, json_bodies, JSON),
    "remote_write": Parser(WRITE, remote_write_bodies, SNAPPY),
    "remote_write_v2": Parser(WRITE, remote_write_v2_bodies, SNAPPY | {"Content-Type": V2}),
    "otlp": Parser(OTLP, otlp_bodies, PROTOBUF),
    "otlp_json": Parser(OTLP, otlp_json_bodies, JSON),
    "line_protocol": Parser(LINES, line_bodies),
    "line_protocol_v2": Parser("/api/v2/write", line_bodies),
}
"""They ask no database."""
ASKING = {
    "pushgateway": Parser(PUSH, exposition_bodies, method="PUT"),
    "pushgateway_protobuf": Parser(PUSH, family_bodies, FAMILIES, method="PUT"),
    "openmetrics": Parser(PUSH, lambda: exposition_bodies().map(lambda body: body + b"\n# EOF\n"), OPENMETRICS),
    "alertmanager": Parser(HOOK, hook_bodies, JSON),
    "grafana": Parser("/hooks/grafana", hook_bodies, JSON),
    "hook": Parser("/hooks/json/door", hook_bodies, JSON),
}


def test_every_way_in_that_takes_bodies_is_tormented():
    tormented = {parser.endpoint.name for parser in (PURE | ASKING).values()}
    assert {one.name for one in ENDPOINTS if "POST" in one.methods and not one.without_token} - tormented == STUBS


STUBS = {"influx_query"}
"""It reads no body but a form of one word."""


@pytest.mark.parametrize("name", PURE)
def test_whatever_comes_is_taken_or_refused_at_once(siege, name):
    torment(siege, name, PURE[name], Sender(7, "shop"))


@pytest.mark.django_db
@pytest.mark.parametrize("name", ASKING)
def test_and_so_it_is_where_the_database_is_asked(siege, name):
    torment(siege, name, ASKING[name], Sender(Source.objects.create(name="shop").pk, "shop"))


def torment(siege: Siege, name: str, parser: Parser, sender: Sender) -> None:
    kept, taken = [], [0, 0]
    endpoint = parser.endpoint
    path, _, query = parser.path.partition("?")
    said: Any = dict([query.split("=")]) if query else {}
    headers = {name.lower(): value for name, value in parser.headers.items()}

    @settings(max_examples=BODIES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(parser.bodies())
    def take(body: bytes) -> None:
        taken[assert_sound(endpoint, Call(parser.method, path, said, headers, body, sender, NOW, NOW - DAY))] += 1
        if sum(taken) % OVER_HTTP == 0:
            kept.append(body)

    take()
    statuses = Counter(siege.send(parser.path, body, method=parser.method, **parser.headers).status for body in kept)
    siege.stand()
    report(name, refused=taken[False], taken=taken[True], over_http=str(dict(statuses)))
    assert sum(taken) >= BODIES
    assert taken[True], "all were refused"
    # The gateway notes that a push failed, so that it refuses only with its answer.
    assert taken[False] + statuses[400], "none was refused"
