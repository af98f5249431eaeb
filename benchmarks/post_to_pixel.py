"""Time from POST to pixel: a sample is sent, and a browser has drawn it.

    python benchmarks/post_to_pixel.py [samples]

The browser notes the time of the first frame it draws after the tile's value changed; both ends read one clock.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers.chrome import Visitor, chrome
from tests.servers.watchfloor import Watchfloor

DRAWN = """text => new Promise(drawn => {
    const look = () => document.querySelector('#tile-orders .tile-value').textContent.includes(text)
        ? drawn(Date.now()) : requestAnimationFrame(look);
    look();
})"""


def main(samples: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Watchfloor(Path(folder)) as server, chrome() as browser:
        token = server.source_token()
        server.push(token, "orders", 1)
        server.manage("add_kpi", "orders")
        page = Visitor(browser, server).open("/")
        page.locator("#tile-orders").wait_for()
        times = sorted(measure(server, page, token, 1000 + number) for number in range(samples))
    p50, p95 = statistics.median(times), times[int(samples * 0.95)]
    print(f"POST to pixel, {samples} samples: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {times[-1]:.0f} ms")


def measure(server: Watchfloor, page, token: str, value: int) -> float:
    """Milliseconds for one sample, sent at a random moment of the tick."""
    time.sleep(random.uniform(0.6, 1.2))
    started = time.time() * 1000
    server.push(token, "orders", value)
    return page.evaluate(DRAWN, f"{value:,}") - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
