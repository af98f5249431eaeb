"""What Prometheus itself says that it has, and that it has sent."""

from __future__ import annotations

import math
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.feeds.kept import Samples, key_of
from tests.servers.prometheus import Prometheus

PREFIX = "prometheus_remote_storage_"
RANGE = "15m"


def samples_of(server: Prometheus, selector: str, until_ms: int = 0) -> Samples:
    """All samples of these series up to that time, as its own database holds them; without NaN."""
    more = {"time": f"{until_ms / 1000:.3f}"} if until_ms else {}
    found: Samples = {}
    for series in server.query(f"{selector}[{RANGE}]", **more):
        labels = series["metric"]
        times = {round(ts * 1000): float(text) for ts, text in series["values"] if not math.isnan(float(text))}
        if times:
            found[key_of(labels.pop("__name__"), labels)] = times
    return found


def counters(server: Prometheus, *, url: str = "") -> dict[str, float]:
    """Its figures of remote_write, of the server at this address or of its only one; by name, without the prefix."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=5) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        found = [one for family in families for one in family.samples if one.name.startswith(PREFIX)]
    return {one.name.removeprefix(PREFIX): one.value for one in found if one.labels.get("url", "").startswith(url)}
