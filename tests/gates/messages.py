"""Collect and compile the translations; with --check, fail when the committed ones miss a string or are incomplete.

python -m tests.gates.messages [--check]
"""

from __future__ import annotations

import gettext
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from tests.repository import ROOT, copy

LANGUAGES = ("ru",)
PLACE = "locale/{}/LC_MESSAGES/django"


def main(check: bool) -> int:
    if not shutil.which("msgfmt"):
        print("No msgfmt: install gettext (Debian: apt-get install gettext).")
        return 1
    problems = [problem for language in LANGUAGES for problem in stale(language)] if check else collect(ROOT)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


def collect(folder: Path) -> list[str]:
    """Bring the catalogues of the tree in `folder` up to date and compile them; what went wrong."""
    locales = [word for language in LANGUAGES for word in ("--locale", language)]
    skip = ("--ignore", "data/*", "--ignore", ".venv/*", "--ignore", "tests/*", "--ignore", "*/node_modules/*")
    make = ["makemessages", *locales, *skip, "--no-obsolete", "--add-location", "file", "--no-wrap", "-v0"]
    runs = [_manage(folder, *make), _manage(folder, "compilemessages", *locales, "-v0")]
    return [run.stderr for run in runs if run.returncode]


def stale(language: str) -> list[str]:
    """How the committed catalogues of a language differ from what the sources give, and what is not translated."""
    with tempfile.TemporaryDirectory(prefix="watchfloor-messages-") as folder:
        fresh_tree = Path(folder)
        copy(fresh_tree, "*.py", "*.html", "*.txt", "*.po")
        if problems := collect(fresh_tree):
            return problems
        place = PLACE.format(language)
        committed, fresh = _catalog(ROOT / f"{place}.po"), _catalog(fresh_tree / f"{place}.po")
        return [
            *differences(committed, fresh),
            *untranslated(committed),
            *_not_compiled(ROOT / place, fresh_tree / place),
        ]


def differences(committed: Catalog, fresh: Catalog) -> list[str]:
    old, new = _ids(committed), _ids(fresh)
    missing = [f"not in the catalogue: {text!r}" for text in sorted(new - old)]
    return missing + [f"no longer in the sources: {text!r}" for text in sorted(old - new)]


def untranslated(catalog: Catalog) -> list[str]:
    """Entries without a translation, in part or whole, and those that gettext guessed."""
    return [f"not translated: {entry.id!r}" for entry in catalog if entry.id and (entry.fuzzy or not _complete(entry))]


def _complete(entry: Message) -> bool:
    texts = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
    return all(texts)


def _not_compiled(committed: Path, fresh: Path) -> list[str]:
    if committed.with_suffix(".mo").exists() and _compiled(committed) == _compiled(fresh):
        return []
    return [f"{committed.relative_to(ROOT)}.mo is not what its .po gives"]


def _compiled(path: Path) -> dict:
    with path.with_suffix(".mo").open("rb") as file:
        texts = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    texts.pop("", None)  # the header holds the date
    return texts


def _ids(catalog: Catalog) -> set[str]:
    return {f"{entry.context or ''} {entry.id}" for entry in catalog if entry.id}


def _catalog(path: Path) -> Catalog:
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file)


def _manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
