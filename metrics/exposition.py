"""Watchfloor's own figures for Prometheus, at `/metrics`: those of the process that answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from live.push import hub
from metrics.ingest import writer
from metrics.ingest.figures import calls
from metrics.series.retention import rounds
from metrics.sources.rejections import rejections

GAUGES = {
    "sockets": ("watchfloor_sockets", "Open sockets."),
    "topics": ("watchfloor_topics", "Topics that somebody watches."),
    "people": ("watchfloor_people", "Signed-in people who are here, in all processes."),
    "bus_up": ("watchfloor_bus_up", "1 while the processes hear each other."),
    "beat_age": ("watchfloor_beat_age_seconds", "Time since this process heard its own beat."),
    "loop_lag": ("watchfloor_loop_lag_seconds", "How late the last tick of the event loop was."),
    "tasks": ("watchfloor_tasks", "Tasks of the event loop."),
}
COUNTERS = {
    "loads": ("watchfloor_loads", "Times a topic was read from the database."),
    "failed_loads": ("watchfloor_failed_loads", "Times a topic could not be read."),
    "renders": ("watchfloor_renders", "Fragments printed."),
    "encodes": ("watchfloor_encodes", "Frames encoded."),
    "frames": ("watchfloor_frames", "Frames written to sockets."),
    "fragments": ("watchfloor_fragments", "Fragments delivered to sockets."),
    "conflated": ("watchfloor_conflated", "Fragments replaced by newer ones before they were sent."),
    "passed_over": ("watchfloor_passed_over", "Times a full socket was passed over."),
    "overflows": ("watchfloor_overflows", "Outboxes that overflowed and were answered with a snapshot."),
    "stalls": ("watchfloor_stalls", "Sockets ended because their peer did not read."),
    "gaps": ("watchfloor_gaps", "Logs whose new lines were found by healing."),
}
CAUSES = {"heals_version": "version", "heals_unversioned": "unversioned"}
REFUSED = "watchfloor_refused", "Sockets refused above a limit."


class HubCollector(Collector):
    """What the hub counts, in Prometheus' terms. Nothing while no hub runs."""

    def collect(self) -> Iterable[Metric]:
        here = hub.running()
        if here is None:
            return
        # These take a walk over everybody, so they are counted only when somebody asks.
        tasks, people = len(asyncio.all_tasks(here.loop)), here.roster.presence().people_count
        figures = here.figures() | {"tasks": tasks, "people": people}
        for key, (name, text) in GAUGES.items():
            yield GaugeMetricFamily(name, text, value=figures[key])
        for key, (name, text) in COUNTERS.items():
            yield CounterMetricFamily(name, text, value=figures[key])
        yield _labelled("watchfloor_heals", "Topics that healing had to put right.", "cause", _causes(figures))
        yield _labelled(*REFUSED, "limit", here.room.refused)


class IngestCollector(Collector):
    """What came in: calls, what was stored of them and what was not, and what waits. Nothing while no writer runs."""

    def collect(self) -> Iterable[Metric]:
        here = writer.running()
        if here is None:
            return
        yield GaugeMetricFamily("watchfloor_ingest_waiting_samples", "Samples not yet stored.", value=here.waiting)
        yield GaugeMetricFamily("watchfloor_ingest_waiting_seconds", "Age of the oldest of them.", value=here.behind_s)
        yield CounterMetricFamily("watchfloor_ingest_stored", "Samples stored.", value=here.stored)
        yield _labelled("watchfloor_ingest_rejected", "Samples rejected.", "reason", rejections.totals)
        answers = CounterMetricFamily("watchfloor_ingest_calls", "Calls answered.", labels=["endpoint", "status"])
        for call, count in list(calls.items()):
            answers.add_metric(call, count)
        yield answers


class StorageCollector(Collector):
    """What is wrong with how samples are kept, as the collector saw it last."""

    def collect(self) -> Iterable[Metric]:
        text = "Samples outside of all daily partitions; anything but 0 needs looking after."
        yield GaugeMetricFamily("watchfloor_stray_samples", text, value=rounds.strays)


def registry() -> CollectorRegistry:
    own = CollectorRegistry()
    for collector in (
        HubCollector(),
        IngestCollector(),
        StorageCollector(),
        ProcessCollector(registry=None),
        PlatformCollector(registry=None),
    ):
        own.register(collector)
    return own


REGISTRY = registry()


@require_safe
def exposition(request: HttpRequest) -> HttpResponse:
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(REGISTRY), content_type=content_type)


def _causes(figures: Mapping[str, float]) -> dict[str, float]:
    return {cause: figures[key] for key, cause in CAUSES.items()}


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in list(values.items()):
        family.add_metric([value], count)
    return family
