"""The secret key: made once, kept in the data directory, readable by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key


def secret_key(data_dir: Path) -> str:
    """The key of this installation. Two processes that start together agree on one: the first to link it wins."""
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            _write_once(path, get_random_secret_key())
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"DATA_DIR={data_dir} cannot be used ({error.strerror}): make it writable or name another directory."
        ) from None


def _write_once(path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(key)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
