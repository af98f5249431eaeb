"""A real Prometheus that scrapes a real node exporter, each a process of its own."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.servers.processes import NotInstalled, free_port, running

CONFIGURATION = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["{target}"]
"""
# What the machine has many of would only make the page long.
COLLECTORS = ("cpu", "loadavg", "meminfo", "stat", "time", "uname")


class Prometheus(NamedTuple):
    """`exporter` is the address of the page that it scrapes every second."""

    url: str
    exporter: str

    def query(self, expression: str, **parameters: str) -> list[dict[str, Any]]:
        """The vector that it says the expression is."""
        query = urlencode({"query": expression} | parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5) as answer:
            return json.load(answer)["data"]["result"]


@contextmanager
def node_exporter(folder: Path) -> Iterator[str]:
    """The address of the page of a node exporter."""
    port = free_port()
    collectors = [f"--collector.{name}" for name in COLLECTORS]
    command = [_program("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--collector.disable-defaults", *collectors]
    page = f"http://127.0.0.1:{port}/metrics"
    with running(command, log=folder / "node-exporter.log", probe=lambda: _get(page)):
        yield page


@contextmanager
def prometheus(folder: Path, more: str = "") -> Iterator[Prometheus]:
    """A Prometheus that has scraped its node exporter at least twice. `more` is added to its configuration."""
    with node_exporter(folder) as page, prometheus_process(folder, page, free_port(), more) as server:
        yield server


@contextmanager
def prometheus_process(folder: Path, page: str, port: int, more: str = "") -> Iterator[Prometheus]:
    """As above, with an exporter and a port of one's own, for tests that stop it and start it again."""
    configuration = folder / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(target=page.split("/")[2]) + more)
    options = {
        "config.file": configuration,
        "storage.tsdb.path": folder / "prometheus",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    command = [_program("prometheus"), *(f"--{name}={value}" for name, value in options.items())]
    server = Prometheus(f"http://127.0.0.1:{port}", page)
    with running(command, log=folder / "prometheus.log", probe=lambda: _scraped(server)):
        yield server


def _scraped(server: Prometheus) -> None:
    """Raises OSError until two scrapes are there to be asked for."""
    found = server.query('count_over_time(up{job="node"}[1m])')
    if not found or float(found[0]["value"][1]) < 2:
        raise ConnectionError("Prometheus has not scraped yet.")


def _get(address: str) -> None:
    urllib.request.urlopen(address, timeout=5).close()


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    raise NotInstalled(f"No {name}: install it (Debian: apt-get install {name}).")
