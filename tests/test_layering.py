"""Imports go one way, modules are named for their subject, and files stay short (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.repository import ROOT, files

LAYERS = {"live": 0, "metrics": 1, "dashboard_site": 2}
# Inside metrics: a module may import what stands at its own number or below. `models` are below everything.
SUBJECTS = {
    "recent": 0,
    "sentences": 0,
    "series": 1,
    "charts": 1,
    "kpis": 2,
    "ingest": 3,
    "hooks": 3,
    "exposition_text": 3,
    "exposition_families": 3,
    "exposition_protobuf": 3,
    "alerts": 3,
    "sources": 3,
    "boards": 3,
    "templatetags": 3,
}
TOP = 4
NAMELESS = {"utils", "util", "helpers", "helper", "common", "base", "services", "service", "manager", "managers"}
LONGEST = 300

NAMED_BY_DJANGO = {"live.sqlite.base"}

SOURCES = files("dashboard_site/*.py", "live/*.py", "metrics/*.py", "theme/*.py")


def breaches(module: str, source: str) -> list[str]:
    """What is wrong with a module's imports; `module` is its dotted name."""
    tree = ast.parse(source)
    found = [_crossing(module, name) for name in _imports(tree, module)]
    late = (name for function in _functions(tree) for name in _imports(function, module))
    found += [f"{module} imports {name} inside a function" for name in late if name.split(".")[0] in LAYERS]
    return [breach for breach in found if breach]


def _crossing(module: str, imported: str) -> str:
    here, there = module.split("."), imported.split(".")
    if there[0] not in LAYERS or module.endswith("conftest"):
        return ""
    if there[0] == "dashboard_site" and here[0] != "dashboard_site":
        return f"{module} imports {imported}: nobody imports the composition root"
    if LAYERS[there[0]] > LAYERS.get(here[0], -1):
        return f"{module} imports {imported}: it goes dashboard_site -> metrics -> live"
    if here[0] == there[0] == "metrics" and _height(there) > _height(here):
        return f"{module} imports {imported}, which stands above it"
    return ""


def _height(parts: list[str]) -> int:
    if len(parts) > 2 and "models" in parts[2:]:
        return 0
    return SUBJECTS.get(parts[1], TOP) if len(parts) > 1 else 0


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _imports(tree: ast.AST, module: str) -> Iterator[str]:
    """Dotted names, with the imported name where it may be a module: `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            start = ".".join([*package, *filter(None, [node.module])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def _dotted(path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_go_one_way(path):
    assert breaches(_dotted(path), (ROOT / path).read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_module_is_named_for_its_subject(path):
    assert NAMELESS.isdisjoint(_dotted(path).split(".")) or _dotted(path) in NAMED_BY_DJANGO


@pytest.mark.parametrize("path", [path for path in SOURCES if "migrations" not in path.parts], ids=str)
def test_a_file_stays_short_enough_to_read(path):
    assert len((ROOT / path).read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize(
    "module, source",
    [
        ("live.chat.verbs", "from metrics.kpis import models"),
        ("live.chat.verbs", "import metrics"),
        ("live.chat.verbs", "from dashboard_site.settings import DEBUG"),
        ("metrics.urls", "import dashboard_site.urls"),
        ("theme.apps", "from live.people import Person"),
        ("metrics.series.storing", "from metrics.kpis.verbs import add_kpi"),
        ("metrics.series.storing", "from metrics import boards"),
        ("metrics.series.storing", "from ..kpis import verbs"),
        ("metrics.kpis.evaluation", "from metrics.boards.tiles import Tile"),
        ("metrics.boards.models", "from metrics.boards.tiles import Tile"),
        ("metrics.boards.views", "from metrics.admin import BoardAdmin"),
        ("live.push.hub", "def late():\n    from live.chat import verbs"),
        ("live.push.hub", "class Hub:\n    async def late(self):\n        import live.chat.verbs"),
        ("live.push.hub", "if TYPE_CHECKING:\n    from metrics.boards.tiles import Tile"),
    ],
)
def test_a_breach_is_found(module, source):
    assert breaches(module, source)


@pytest.mark.parametrize(
    "module, source",
    [
        ("dashboard_site.asgi", "from metrics.routing import websocket_urlpatterns\nimport live.routing"),
        ("metrics.boards.views", "from metrics.kpis.models import Kpi\nfrom live.push.pages import page_state"),
        ("metrics.series.models", "from metrics.sources.models import Source"),
        ("metrics.admin", "from metrics.boards.verbs import rename"),
        ("metrics.boards.views", "def view():\n    import json"),
    ],
)
def test_what_is_allowed_is_not_a_breach(module, source):
    assert breaches(module, source) == []
