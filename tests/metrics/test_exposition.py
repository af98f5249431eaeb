from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from live.push import hub as module
from live.push.hub import Hub
from metrics import exposition
from metrics.ingest import writer
from metrics.ingest.calls import Reason, Taken
from metrics.series.storing import Stored
from metrics.sources.models import Source
from metrics.sources.rejections import Rejections
from tests.live.push.floor import Peer, Shelf, visit
from tests.metrics.series.arranging import reading


@pytest.fixture
def shop(transactional_db):
    return Source.objects.create(name="shop")


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


@pytest.mark.django_db(transaction=True)
async def test_what_came_in_is_exposed(async_client, shop, monkeypatch):
    monkeypatch.setattr(exposition, "calls", Counter({("json", "2xx"): 3, ("otlp", "5xx"): 1}))
    monkeypatch.setattr(exposition, "rejections", Rejections())
    exposition.rejections.note(shop.pk, {Reason.TOO_OLD: 4}, "too old")
    monkeypatch.setattr(writer, "_running", None)
    here = writer.Writer(lambda _stored: None)
    here.start()
    await here.write(Taken([reading(shop.pk, value=1.0), reading(shop.pk, metric="b")]))
    found = samples((await async_client.get("/metrics")).text)
    await here.stop()
    assert found["watchfloor_ingest_calls_total", "json", "2xx"] == 3
    assert found["watchfloor_ingest_calls_total", "otlp", "5xx"] == 1
    assert found["watchfloor_ingest_rejected_total", Reason.TOO_OLD] == 4
    assert found["watchfloor_ingest_stored_total",] == 2
    assert found["watchfloor_ingest_waiting_samples",] == 0
    assert found["watchfloor_ingest_waiting_seconds",] == 0


@pytest.mark.django_db(transaction=True)
async def test_what_waits_to_be_stored_is_exposed_with_its_age(async_client, shop, monkeypatch):
    gate = threading.Event()

    def wait(readings, ended, before_commit):
        gate.wait(5)
        return Stored()

    monkeypatch.setattr(writer, "_running", None)
    here = writer.Writer(lambda _stored: None, store=wait)
    here.start()
    writing = asyncio.create_task(here.write(Taken([reading(shop.pk), reading(shop.pk, metric="b")])))
    while here.behind_s < 0.05:
        await asyncio.sleep(0.01)
    found = samples((await async_client.get("/metrics")).text)
    gate.set()
    await writing
    await here.stop()
    assert found["watchfloor_ingest_waiting_samples",] == 2
    assert 0.05 <= found["watchfloor_ingest_waiting_seconds",] < 5


def test_without_a_hub_there_is_the_process_alone(client):
    found = samples(client.get("/metrics").text)
    assert ("process_resident_memory_bytes",) in found
    assert ("watchfloor_sockets",) not in found


def test_open_metrics_is_spoken_where_it_is_asked_for(client):
    answer = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
