"""Build the stylesheet; with --check, fail when the committed one is not what the sources give.

python -m tests.gates.css [--check]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.gates.node import npm
from tests.repository import ROOT, copy

BUILT = Path("theme/static/css/dist/styles.css")


def main(check: bool) -> int:
    if not check:
        build(ROOT)
    elif fresh() != (ROOT / BUILT).read_bytes():
        print(f"{BUILT} is not what the templates and theme/static_src give.")
        return 1
    return 0


def build(tree: Path) -> None:
    """Build from nothing: a build that fails may leave the old file, which would pass for a fresh one."""
    (tree / BUILT).unlink(missing_ok=True)
    npm("ci", "--no-audit", "--no-fund", folder=tree / "theme/static_src")
    npm("run", "build", folder=tree / "theme/static_src")


def fresh() -> bytes:
    """The stylesheet as a clone builds it; away from the tree, whose file may be in use."""
    with tempfile.TemporaryDirectory(prefix="watchfloor-css-") as folder:
        copy(Path(folder), "templates", "live", "metrics", "theme")
        build(Path(folder))
        return (Path(folder) / BUILT).read_bytes()


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
