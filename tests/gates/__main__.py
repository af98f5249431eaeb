"""Run every gate, print what failed and what to run: `python -m tests.gates [part of a name]`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

PYTHON = sys.executable
PRODUCTION = {
    "HTTPS": "1",
    "SECRET_KEY": "a-key-for-this-check-alone-which-is-long-and-of-many-letters-0123456789",
    "ALLOWED_HOSTS": "watchfloor.example.org",
}


@dataclass(frozen=True)
class Gate:
    """A command and what to run when it fails."""

    name: str
    command: tuple[str, ...]
    remedy: str
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, data: str) -> subprocess.CompletedProcess[str]:
        """`data` is a directory for what Django would otherwise put into ./data."""
        environment = os.environ | {"DATA_DIR": data} | self.environment
        return subprocess.run(
            [PYTHON, *self.command], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )


GATES = (
    Gate("ruff", ("-m", "ruff", "check", "--quiet", "--output-format", "concise", "."), "ruff check --fix ."),
    Gate("format", ("-m", "ruff", "format", "--check", "."), "ruff format ."),
    Gate("types", ("-m", "mypy"), "mypy, and mend the types"),
    Gate("templates", ("-m", "djlint", "--lint", "--quiet", "templates"), "djlint --lint templates, and mend them"),
    Gate("stylesheet", ("-m", "tests.gates.css", "--check"), "make css, and commit the result"),
    Gate("vendored htmx", ("theme/vendor.py", "--check"), "make vendor, and commit the result"),
    Gate("translations", ("-m", "tests.gates.messages", "--check"), "make messages, translate, commit the result"),
    Gate("migrations", ("manage.py", "makemigrations", "--check", "--dry-run"), "manage.py makemigrations -n NAME"),
    Gate(
        "production settings",
        ("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        "HTTPS=1 SECRET_KEY=... ALLOWED_HOSTS=... manage.py check --deploy, and mend the settings",
        PRODUCTION,
    ),
)


def main(wanted: list[str]) -> int:
    chosen = [gate for gate in GATES if not wanted or any(word in gate.name for word in wanted)]
    with tempfile.TemporaryDirectory(prefix="watchfloor-gates-") as data:
        return 1 if [gate for gate in chosen if not passes(gate, data)] else 0


def passes(gate: Gate, data: str) -> bool:
    started = time.monotonic()
    done = gate.run(data)
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{gate.name:<20} {verdict:<7} {time.monotonic() - started:5.1f} s", flush=True)
    if done.returncode:
        print(f"{done.stdout}{done.stderr}".rstrip(), f"\n--> to mend it: {gate.remedy}\n", sep="\n", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
