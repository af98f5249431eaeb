"""No script of our own, nothing inline, no escaping switched off: the strict Content Security Policy stays possible."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repository import ROOT, files

SCRIPTS = {".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".coffee"}
THEIRS = ("static/vendor/",)
# The checks themselves, and tests that try what is forbidden.
EXEMPT = ("tests/",)

MARKUP = {
    "an inline handler": r"""<[^<>]*\son[a-z]+\s*=""",
    "a style attribute": r"""<[^<>]*\sstyle\s*=""",
    "a <style> element": r"<style\b",
    "an inline script": r"<script\b(?![^>]*\ssrc\s*=)",
    "hx-on": r"\bhx-on\b",
    "js: in an attribute": r"""["']\s*(?:js|javascript)\s*:""",
    "a trigger filter": r"""hx-trigger\s*=\s*(?:"[^"]*\[|'[^']*\[)""",
    "the safe filter": r"\|\s*safe(?:seq)?\b",
    "autoescape off": r"autoescape\s+off",
}
CODE = {
    "mark_safe": r"\bmark_safe\b|\bSafe(?:String|Text)\(|\b__html__\b",
    "the safe filter": r"\{\{[^}]*\|\s*safe",
    "autoescape off": r"autoescape\s*=\s*False",
    "a style attribute": r"""<[a-z]+\s[^>\n]*\bstyle\s*=""",
    "an inline handler": r"""<[a-z]+\s[^>\n]*\bon[a-z]+\s*=""",
    "an inline script": r"<script\b(?![^>\n]*\ssrc\s*=)",
    "hx-on": r"\bhx-on\b",
    "a trigger filter": r"""hx-trigger["']\s*:\s*["'][^"']*\[""",
}
RULES = {".html": MARKUP, ".svg": MARKUP, ".txt": MARKUP, ".py": CODE}


def breaches(name: str, text: str) -> list[str]:
    """What a file with this name and text does that no file may do."""
    path = Path(name)
    if path.suffix in SCRIPTS:
        return [f"{name} is a script"]
    rules = RULES.get(path.suffix, {})
    return [f"{name} has {what}" for what, pattern in rules.items() if re.search(pattern, text, re.IGNORECASE)]


def _checked() -> list[Path]:
    return [path for path in files() if not str(path).startswith((*THEIRS, *EXEMPT))]


def test_no_file_breaks_the_rules():
    found = [breach for path in _checked() for breach in breaches(str(path), (ROOT / path).read_text(errors="replace"))]
    assert found == []


def test_no_script_hides_among_the_tests():
    assert [path for path in files() if path.suffix in SCRIPTS and not str(path).startswith(THEIRS)] == []


@pytest.mark.parametrize(
    "name, text",
    [
        ("static/live.js", "1"),
        ("theme/static_src/postcss.config.mjs", "export default {}"),
        ("live/push/live.ts", ""),
        ("templates/a.html", '<p onclick="x()">'),
        ("templates/a.html", '<img src="x"\n     onerror = x>'),
        ("templates/a.html", '<p style="color:red">'),
        ("templates/a.html", "<style>p{}</style>"),
        ("templates/a.html", "<script>1</script>"),
        ("templates/a.html", '<script type="module">1</script>'),
        ("templates/a.html", '<a hx-on:click="x">'),
        ("templates/a.html", """<a hx-vals='js:{a: 1}'>"""),
        ("templates/a.html", '<a href="javascript:x()">'),
        ("templates/a.html", '<a hx-trigger="click[ctrlKey]">'),
        ("templates/a.html", "<a hx-trigger=\"load, keyup[key=='Enter'] from:body\">"),
        ("templates/a.html", "{{ text|safe }}"),
        ("templates/a.html", "{{ text | safe }}"),
        ("templates/a.html", "{% autoescape off %}"),
        ("static/favicon.svg", "<svg><style>a{}</style></svg>"),
        ("live/views.py", "from django.utils.safestring import mark_safe"),
        ("live/views.py", "SafeString('<b>')"),
        ("live/views.py", """attrs={"hx-trigger": "click[ctrlKey]"}"""),
        ("live/views.py", "Engine(autoescape=False)"),
        ("live/views.py", """HttpResponse('<p style="color:red">')"""),
        ("live/views.py", """'<script>alert(1)</script>'"""),
    ],
)
def test_a_breach_is_found(name, text):
    assert breaches(name, text)


@pytest.mark.parametrize(
    "name, text",
    [
        ("templates/a.html", """<script src="{% static 'vendor/htmx.js' %}" defer></script>"""),
        ("templates/a.html", '<form hx-post="/chat/" hx-trigger="submit, intersect once" hx-swap="outerHTML">'),
        ("templates/a.html", "<p>on = off, style = plain, {{ safety|upper }}</p>"),
        ("live/views.py", "condition = 1\nstyle = 'x'\nif a < b and on == c: pass"),
        ("docs/architecture.md", "No `hx-on`, no `mark_safe`."),
    ],
)
def test_what_is_allowed_is_not_a_breach(name, text):
    assert breaches(name, text) == []
