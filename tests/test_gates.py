"""A gate that cannot fail is no gate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from tests.gates import css, messages, node
from tests.gates.__main__ import GATES, PYTHON, Gate, passes
from tests.repository import ROOT
from theme import vendor


def test_a_failing_gate_says_what_to_run(capsys, tmp_path):
    gate = Gate("an example", ("-c", "print('line 3 is wrong'); raise SystemExit(2)"), "make example")
    assert not passes(gate, str(tmp_path))
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "line 3 is wrong" in printed
    assert "make example" in printed


def test_gates_leave_the_data_directory_alone(tmp_path):
    gate = Gate("where", ("-c", "import os; print(os.environ['DATA_DIR'])"), "")
    assert gate.run(str(tmp_path)).stdout.strip() == str(tmp_path)


def test_every_gate_names_a_remedy():
    assert all(gate.remedy for gate in GATES)


@pytest.fixture
def tree(tmp_path):
    """A clone with a committed stylesheet."""
    (tmp_path / css.BUILT).parent.mkdir(parents=True)
    (tmp_path / css.BUILT).write_text("committed")
    return tmp_path


@pytest.mark.parametrize("content, status", [(b"committed", 0), (b"fresh", 1)])
def test_a_stylesheet_that_was_not_rebuilt_fails(tree, monkeypatch, content, status):
    monkeypatch.setattr(css, "ROOT", tree)
    monkeypatch.setattr(css, "fresh", lambda: content)
    assert css.main(check=True) == status
    assert (tree / css.BUILT).read_text() == "committed"


def test_a_failing_build_leaves_nothing_that_passes_for_fresh(tree, monkeypatch):
    monkeypatch.setattr(css, "npm", lambda *words, **options: sys.exit("npm failed"))
    with pytest.raises(SystemExit, match="npm failed"):
        css.build(tree)
    assert not (tree / css.BUILT).exists()


def test_an_old_node_does_not_count(tmp_path):
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.20.4\n")
    old.chmod(0o755)
    assert node._version(str(old)) == 18 < node.OLDEST
    assert node._version(str(tmp_path / "absent")) == 0


def test_a_changed_vendored_file_fails(tmp_path, monkeypatch):
    bundle = tmp_path / "htmx.js"
    bundle.write_bytes(vendor.BUNDLE.read_bytes())
    monkeypatch.setattr(vendor, "BUNDLE", bundle)
    assert vendor.main(["--check"]) == 0
    bundle.write_bytes(bundle.read_bytes() + b"1")
    assert vendor.main(["--check"]) == 1


def catalog(**texts: str | tuple[str, ...]) -> Catalog:
    made = Catalog()
    for text, translation in texts.items():
        made.add((text, f"{text}s") if isinstance(translation, tuple) else text, translation)
    return made


def test_a_string_that_is_not_collected_fails():
    assert messages.differences(catalog(), catalog(Online="")) == ["not in the catalogue: ' Online'"]


def test_a_string_that_is_gone_fails():
    assert messages.differences(catalog(Online=""), catalog()) == ["no longer in the sources: ' Online'"]


def test_a_string_without_a_translation_fails():
    assert messages.untranslated(catalog(Online="На месте")) == []
    assert messages.untranslated(catalog(Online="")) == ["not translated: 'Online'"]
    assert messages.untranslated(catalog(tab=("вкладка", "вкладки", ""))) == ["not translated: ('tab', 'tabs')"]


def test_a_guessed_translation_fails():
    guessed = catalog()
    guessed.add("Online", "Сеть", flags=["fuzzy"])
    assert messages.untranslated(guessed) == ["not translated: 'Online'"]


def make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """As from a shell: what an outer make passes on would change what this one prints."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=folder, env=alone, capture_output=True, text=True)


@pytest.fixture
def clone(tmp_path):
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/requirements.txt").write_text("")
    (tmp_path / "manage.py").write_text("import sys; print('started', sys.argv[1:])")
    return tmp_path


def test_make_run_makes_the_environment_once(clone):
    first = make("run", f"PYTHON={PYTHON}", folder=clone)
    assert "started ['serve']" in first.stdout, first.stderr
    second = make("run", f"PYTHON={PYTHON}", folder=clone)
    assert "venv" not in second.stdout
    assert "pip" not in second.stdout


def test_make_run_ends_with_one_line_when_python_is_too_old(clone):
    old = clone / "python3.9"
    old.write_text(f"""#!/bin/sh\n{PYTHON} -c 'import sys; sys.version_info = (3, 9, 0); exec(sys.argv[1])' "$2"\n""")
    old.chmod(0o755)
    done = make("run", f"PYTHON={old}", folder=clone)
    assert done.returncode
    assert done.stderr.splitlines()[0].startswith("Watchfloor needs Python 3.11 or newer, this is 3.9.")
    assert not (clone / ".venv").exists()


def test_make_run_ends_with_one_line_when_python_is_missing(clone):
    done = make("run", "PYTHON=no-such-python", folder=clone)
    assert done.returncode
    assert done.stderr.splitlines()[0].startswith("Watchfloor needs Python 3.11 or newer")
