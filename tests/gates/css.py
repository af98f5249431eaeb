"""Build the stylesheet; with --check, fail when the committed one is not what the sources give.

python -m tests.gates.css [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.gates.node import npm

SOURCES = Path("theme/static_src")
BUILT = Path("theme/static/css/dist/styles.css")


def main(check: bool) -> int:
    committed = BUILT.read_bytes() if BUILT.exists() else b""
    build()
    if check and BUILT.read_bytes() != committed:
        BUILT.write_bytes(committed)
        print(f"{BUILT} is not what templates and {SOURCES} give.")
        return 1
    return 0


def build() -> None:
    """Build from nothing: a build that fails may leave the old file, which would pass for a fresh one."""
    committed = BUILT.read_bytes() if BUILT.exists() else b""
    BUILT.unlink(missing_ok=True)
    try:
        npm("ci", "--no-audit", "--no-fund", folder=SOURCES)
        npm("run", "build", folder=SOURCES)
    except SystemExit:
        BUILT.parent.mkdir(parents=True, exist_ok=True)
        BUILT.write_bytes(committed)
        raise


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
