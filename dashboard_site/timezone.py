"""The machine's time zone by its IANA name."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def machine_zone() -> str:
    """What /etc/timezone or the link /etc/localtime names; UTC when neither tells (Windows, containers)."""
    candidates = [_first_line(Path("/etc/timezone")), _linked(Path("/etc/localtime"))]
    return next((name for name in candidates if name and _known(name)), "UTC")


def _first_line(path: Path) -> str:
    try:
        return path.read_text().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _linked(path: Path) -> str:
    """`…/zoneinfo/Europe/Berlin` gives `Europe/Berlin`."""
    target = str(path.resolve()) if path.is_symlink() else ""
    return target.partition("zoneinfo/")[2]


def _known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
