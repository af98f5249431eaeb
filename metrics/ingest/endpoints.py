"""All ways in. A format is added here, and nothing else needs to know of it."""

from __future__ import annotations

from metrics.hooks import endpoints as hooks
from metrics.ingest import json_samples, line_protocol, otlp, pushgateway, remote_write
from metrics.ingest.calls import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    *json_samples.ENDPOINTS,
    *remote_write.ENDPOINTS,
    *otlp.ENDPOINTS,
    *pushgateway.ENDPOINTS,
    *line_protocol.ENDPOINTS,
    *hooks.ENDPOINTS,
)
