"""Prometheus' text format 0.0.4 (and 1.0.0, with quoted names) and OpenMetrics, sample by sample.

Lines of samples go through prometheus-client's parser one at a time, so that a fault has its line. Lines about metrics
are read by exposition_families: that parser would rename counters that do not end in _total, and in OpenMetrics it
refuses whole pages for what Prometheus takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TextIO, cast

from prometheus_client.parser import text_fd_to_metric_families

from metrics.exposition_families import Families, TypeComesTwice
from metrics.ingest.naming import LABEL_VALUE_LENGTH, LABELS
from metrics.sentences import Fault, Sentence, placed
from metrics.sentences import sentence as _

LINE = 64 * 1024
LONG = 4 * LABEL_VALUE_LENGTH
"""A line up to this cannot hold much; a longer one is looked through before it is parsed."""
BLOCK = 64 * 1024
MOST_SAMPLES = 50_000
MOST_LINES = 500_000

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=[{ \t])")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
HEAD = re.compile(r'[^{"\s]*+[ \t]*+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\})?')
OPENMETRICS = "application/openmetrics-text"
EXPECTED = _('expected name{label="text"} number')

Wanted = Callable[[str], bool]


class BadText(Fault):
    """The sentence is for the sender, with the line of what is wrong."""


class Exposed(NamedTuple):
    """A sample as it was written. `ts` is in epoch ms, None where there is none; `value` may be infinite or NaN.

    `kind` is one of Series.Kind; `place` is where it stands, such as "line 3", counted from 1.
    """

    name: str
    labels: dict[str, str]
    value: float
    ts: int | None
    kind: str
    unit: str
    help: str
    place: str


def exposed(
    body: bytes, *, openmetrics: bool = False, wanted: Wanted | None = None, strict: bool = False
) -> Iterator[Exposed]:
    """The samples of a text. Raises BadText.

    Lines of samples whose name is not `wanted` are not parsed, which makes a page of which little is wanted many times
    as cheap. `strict` is that of Families.
    """
    lines = _Lines(_decoded(body), openmetrics=openmetrics, wanted=wanted, strict=strict)
    # The parser only iterates over what it takes for a file.
    families = iter(text_fd_to_metric_families(cast(TextIO, lines.samples())))
    while True:
        try:
            family = next(families, None)
            found = [lines.exposed(sample) for sample in family.samples] if family else []
        except BadText:
            raise
        # Whatever the parser stumbles over: of prometheus-client 0.26 ValueError, IndexError and OverflowError.
        except Exception:
            raise lines.fault(EXPECTED) from None
        if family is None:
            return
        yield from (one for one in found if wanted is None or wanted(one.name))


def wanted_names(patterns: str) -> Wanted | None:
    """Which names are wanted, from one pattern a line, in which * stands for anything. None: all."""
    kept = [pattern.strip() for pattern in patterns.splitlines() if pattern.strip()]
    if not kept:
        return None
    match = re.compile("|".join(map(_as_expression, kept)), re.DOTALL).fullmatch
    return lru_cache(maxsize=10_000)(lambda name: match(name) is not None)


def is_openmetrics(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == OPENMETRICS


def _as_expression(pattern: str) -> str:
    """Atomic groups, since with many stars plain ones would try all ways to part a name."""
    first, *others = map(re.escape, pattern.split("*"))
    if not others:
        return first
    return first + "".join(f"(?>.*?{part})" for part in others[:-1]) + ".*" + others[-1]


class _Lines:
    """The lines of samples as the parser takes them, one after the other, and where it stands."""

    def __init__(self, text: str, *, openmetrics: bool, wanted: Wanted | None, strict: bool) -> None:
        self._text = text
        self._openmetrics = openmetrics
        self._wanted = wanted
        self._families = Families(strict=strict)
        self._number = 0
        self._line = ""
        self._name = ""

    def samples(self) -> Iterator[str]:
        count, ended = 0, False
        for number, raw in _numbered(self._text):
            line = raw.strip()
            if not line:
                continue
            self._number, self._line = number, line
            if ended:
                raise self.fault(_("expected nothing after # EOF"))
            if len(line) > LINE:
                raise self.fault(_("expected at most %(most)d characters", most=LINE))
            if line[0] == "#":
                ended = self._openmetrics and line == "# EOF"
                self._note(line)
            elif self._is_wanted(line):
                count += 1
                yield self._checked(line, count)
        if self._openmetrics and not ended:
            raise BadText(_("the text breaks off: expected # EOF at its end"))

    def exposed(self, sample: Any) -> Exposed:
        """The sample that the parser made of the current line."""
        name, ts = sample.name, sample.timestamp
        if name != (self._name or name):
            # "a b{} 1": the parser would take "a b" for the name.
            raise ValueError(name)
        if ts is not None:
            # The parser takes it for ms, which it is not in OpenMetrics.
            ts = round(ts * (1_000_000 if self._openmetrics else 1_000))
        return Exposed(name, sample.labels, _number(sample.value), ts, *self._families.about(name), self._place())

    def fault(self, expected: str) -> BadText:
        fault = _("%(expected)s, got %(got)s", expected=expected, got=ascii(self._line[:80]))
        return BadText(placed(self._place(), fault))

    def _place(self) -> Sentence:
        return _("line %(n)d", n=self._number)

    def _note(self, line: str) -> None:
        try:
            self._families.note(line)
        except TypeComesTwice:
            raise self.fault(_("expected one TYPE for a metric, before its samples")) from None

    def _is_wanted(self, line: str) -> bool:
        found = NAME.match(line)
        # With the name in quotes, anywhere among the labels, the parser has to find it.
        if found is None and line[0] != "{":
            raise self.fault(EXPECTED)
        self._name = found[0] if found else ""
        return self._wanted is None or found is None or self._wanted(self._name)

    def _checked(self, line: str, count: int) -> str:
        """The line without an exemplar, and nothing in it that would take long or that the parser passes over."""
        if count > MOST_SAMPLES:
            raise self.fault(_("expected at most %(most)d samples", most=MOST_SAMPLES))
        if len(line) > LONG:
            self._look_through(line)
        if self._openmetrics and " # " in line:
            line = _without_exemplar(line)
        _head, brace, tail = line.rpartition("}")
        if len(tail.split()) > (2 if brace else 3):
            raise self.fault(EXPECTED)
        return line

    def _look_through(self, line: str) -> None:
        """The parser's time grows with the square of the quotes in a value, and of the labels."""
        values = QUOTED.findall(line)
        if len(values) > 2 * LABELS or any(len(value) > 2 * LABEL_VALUE_LENGTH for value in values):
            said = {"most": LABELS, "longest": LABEL_VALUE_LENGTH}
            raise self.fault(_("expected at most %(most)d labels of %(longest)d characters", **said))


def _without_exemplar(line: str) -> str:
    head = HEAD.match(line)
    end = head.end() if head else 0
    return line[:end] + line[end:].partition(" # ")[0]


def _number(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadText(_("expected UTF-8, byte %(n)d is not", n=error.start)) from None


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    """The lines from 1, block by block, since a list of all of them takes much memory. Raises BadText.

    `splitlines` would part at characters that labels may hold.
    """
    if text.count("\n") >= MOST_LINES:
        raise BadText(_("expected at most %(most)d lines", most=MOST_LINES))
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start + BLOCK)
        end = len(text) if end < 0 else end
        lines = text[start:end].split("\n")
        yield from enumerate(lines, number)
        start, number = end + 1, number + len(lines)
