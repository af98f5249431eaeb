from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from live.push import hub as module
from live.push.hub import Hub
from tests.live.push.floor import Peer, Shelf, visit


@pytest.fixture
async def hub(monkeypatch):
    hub = Hub("here")
    monkeypatch.setattr(module, "_running", hub)
    return hub


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and label values."""
    families = text_string_to_metric_families(text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_the_figures_of_the_hub_are_exposed(hub, async_client):
    Shelf.put({1: "alice"})
    await visit(hub, Peer(), Peer())
    found = samples((await async_client.get("/metrics")).text)
    assert found["watchfloor_sockets",] == 2
    assert found["watchfloor_topics",] == 1
    assert found["watchfloor_renders_total",] == 1
    assert found["watchfloor_frames_total",] == 2
    assert found["watchfloor_bus_up",] == 1
    assert found["watchfloor_heals_total", "version"] == 0
    assert found["process_resident_memory_bytes",] > 1_000_000


async def test_a_socket_that_was_refused_is_counted_by_its_limit(hub, async_client):
    hub.room.refused["user"] += 3
    found = samples((await async_client.get("/metrics")).text)
    assert found["watchfloor_refused_total", "user"] == 3


def test_without_a_hub_there_is_the_process_alone(client):
    found = samples(client.get("/metrics").text)
    assert ("process_resident_memory_bytes",) in found
    assert ("watchfloor_sockets",) not in found


def test_open_metrics_is_spoken_where_it_is_asked_for(client):
    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
