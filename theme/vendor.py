"""Build `static/vendor/htmx.js`: htmx and two of its extensions from npm as one file, checked against their sums.

One file and not three, because htmx 4 starts after the first deferred script: an extension that comes later is
registered too late, and then the socket is never opened.

    python theme/vendor.py          fetch with npm and write the file
    python theme/vendor.py --check  compare the committed file with its sums, offline
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "htmx.org@4.0.1"
PARTS = {
    "dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "dist/ext/hx-ws.min.js": "a7c11e4eca05417d6299bb40aaacca01572e44605389fc4d5ef12be408a4d03b",
    "dist/ext/hx-upsert.min.js": "9e516c6608f765b568559a4caed3c3121eff2702fb7ce012f21775639d2699c3",
}
FOLDER = Path(__file__).resolve().parent.parent / "static" / "vendor"
BUNDLE, SUMS = FOLDER / "htmx.js", FOLDER / "htmx.txt"


def main(arguments: list[str]) -> int:
    return check() if arguments == ["--check"] else build()


def build() -> int:
    bundle = b"".join(part.rstrip(b"\n") + b"\n" for part in fetch())
    FOLDER.mkdir(parents=True, exist_ok=True)
    BUNDLE.write_bytes(bundle)
    SUMS.write_text(sums(bundle))
    return 0


def check() -> int:
    fresh = SUMS.read_text() == sums(BUNDLE.read_bytes())
    if not fresh:
        print(f"{BUNDLE} differs from {SUMS}: run python theme/vendor.py", file=sys.stderr)
    return 0 if fresh else 1


def fetch() -> list[bytes]:
    """The parts in order. Exits when the package holds something else than what the sums say."""
    with tempfile.TemporaryDirectory() as folder:
        npm = "npm.cmd" if sys.platform == "win32" else "npm"
        command = [npm, "pack", "--silent", PACKAGE]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            return [read(package, path) for path in PARTS]


def read(package: tarfile.TarFile, path: str) -> bytes:
    member = package.extractfile(f"package/{path}")
    content = member.read() if member else b""
    if digest(content) != PARTS[path]:
        sys.exit(f"{PACKAGE} {path} has the sum {digest(content)}, expected {PARTS[path]}")
    return content


def sums(bundle: bytes) -> str:
    parts = "".join(f"{value}  {path}\n" for path, value in PARTS.items())
    return f"{PACKAGE} from registry.npmjs.org (0BSD), one after the other\n\n{parts}{digest(bundle)}  {BUNDLE.name}\n"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
