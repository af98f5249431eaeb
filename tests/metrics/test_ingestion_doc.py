"""The paths that docs/ingestion.md promises, walked by the commands that stand in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.repository import ROOT
from tests.servers.processes import NotInstalled, free_port, running
from tests.servers.watchfloor import Watchfloor

DOC = (ROOT / "docs/ingestion.md").read_text()
TWO_MINUTES = 120
STATE = """
from live.clock import now_ms
from metrics.kpis.models import KPI
from metrics.kpis.reading import evaluate_all
kpi = KPI.objects.get(metric={metric!r}, boards__is_default=True)
found = evaluate_all([kpi], now_ms())[kpi.pk]
print(found.status, found.value)
"""


def commands(heading: str) -> str:
    """The shell commands below a heading, up to the next one."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", DOC, re.MULTILINE | re.DOTALL)
    assert section, f"docs/ingestion.md has no heading {heading!r}"
    blocks = re.findall(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    assert blocks, f"nothing to run below {heading!r}"
    return "".join(blocks)


def run(server: Watchfloor, script: str, **places: str) -> str:
    """Run the commands as the doc has them; only addresses are the test's own."""
    for ours, theirs in places.items():
        assert ours in script, f"the commands no longer hold {ours!r}"
        script = script.replace(ours, theirs)
    script = script.replace("manage.py", f"{sys.executable} manage.py").replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def value_on_the_board(server: Watchfloor, metric: str, *, within_s: float) -> float:
    """The tile's value, as soon as there is one."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        status, value = server.shell(STATE.format(metric=metric)).split()
        if value != "None":
            assert status in ("ok", "warn", "crit")
            return float(value)
    raise AssertionError(f"no value of {metric} on the board")


@pytest.fixture
def node_exporter(tmp_path):
    """Where a real node_exporter answers."""
    program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if not program:
        raise NotInstalled("No node_exporter: install it (Debian: apt-get install prometheus-node-exporter).")
    address = f"127.0.0.1:{free_port()}"
    command = [program, f"--web.listen-address={address}"]
    with running(command, log=tmp_path / "node_exporter.log", probe=lambda: _page(address)):
        yield address


def _page(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        return answer.read().decode()


def test_from_an_exporter_to_a_tile(server, node_exporter):
    began = time.monotonic()
    out = run(server, commands("From an exporter to a tile"), **{"127.0.0.1:9100": node_exporter})
    assert re.search(r"node_load1 \{.*\} [\d.]+\n", out)
    shown = value_on_the_board(server, "node_load1", within_s=60)
    assert time.monotonic() - began < TWO_MINUTES
    assert 0 <= shown < 1_000
    with server.client("alice") as staff:
        assert "Works" in staff.get("/sources/node/").text
        assert "node_load15" in staff.get("/series/?q=source=node").text
        assert "node_cpu" not in staff.get("/series/?q=source=node").text
        assert 'id="tile-load"' in staff.get("/").text


def test_from_curl_to_a_tile(server):
    run(server, commands("From curl to a tile"))
    assert value_on_the_board(server, "orders", within_s=20) == 42


def test_a_webhook_of_any_json_becomes_an_announcement(server):
    token = server.source_token()
    run(server, f"TOKEN={token}\n" + commands("Alertmanager, Grafana, and any JSON: webhooks"))
    with server.client() as guest:
        assert "Backup failed" in guest.get("/notifications/").text


@pytest.mark.parametrize("path", sorted(set(re.findall(r"127\.0\.0\.1:8000(/[a-z0-9/_]+)", DOC))))
def test_every_address_in_the_doc_is_a_way_in(shared_server, path):
    with shared_server.client() as stranger:
        answer = stranger.post(path, content=b"")
    assert answer.status_code == 401, path
