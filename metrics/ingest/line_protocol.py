"""Influx line protocol: a line is a point, each of its fields a series named `measurement_field`, its tags the labels.

A line that cannot be taken is named and counted, and the others are stored. Text is counted and not kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from json import dumps
from typing import Any, NamedTuple

from line_protocol_parser import LineFormatError, parse_line

from metrics.ingest import influx_answers
from metrics.ingest.calls import MIB, Answer, Call, Endpoint, Outcome, Reason, Refuse, Sender, Taken
from metrics.ingest.naming import UNFIT, BadLabels, BadName, fit_labels, fit_metric, in_time, with_defaults
from metrics.sentences import Sentence, placed
from metrics.sentences import sentence as _
from metrics.series.readings import Identity, Labels, Reading

PRECISIONS = {
    **dict.fromkeys(("", "n", "ns"), (1, 1_000_000)),
    # Unicode has the letter twice: as a sign, and in Greek.
    **dict.fromkeys(("u", "us", "\u00b5", "\u00b5s", "\u03bc", "\u03bcs"), (1, 1_000)),
    "ms": (1, 1),
    "s": (1_000, 1),
    "m": (60_000, 1),
    "h": (3_600_000, 1),
}
"""What a time is multiplied by, and divided by, to be epoch ms."""

REFUSED = (LineFormatError, UnicodeEncodeError)
EXPECTED = {
    "Embedded NUL bytes are not supported.": _("expected text without NUL"),
    "Failed to parse measurement.": _("expected a measurement, its tags, a space, and fields"),
    "Failed to parse key of tag.": _("expected tags as name=value, each name once"),
    "Failed to parse value of tag.": _("expected a value after each tag's ="),
    "Failed to parse key of field.": _("expected fields as name=value"),
    "Failed to parse value of field.": _("expected a value for each field, text in double quotes"),
    "Failed to parse type of field value.": _("expected numbers, booleans, or text in double quotes"),
    "Failed to parse nanoseconds integer timestamp.": _("expected a whole number as the time, and nothing after it"),
}
QUOTE = re.compile(r'(?<!\\)"')
FIGURE = re.compile(r'=([^=,\s"]{1,400}+)(?=[,\s]|$)')
SHOWN = 60

REMEMBERED, SHORT, FIELDS = 4_096, 1_024, 32
"""How many points' series are kept in mind, for lines of how many characters, with how many fields. Together they
bound the memory that a sender with ever new names can fill."""


class _Point(NamedTuple):
    """What the parser makes of a line: `fields` are float, int, bool or str by name, `time` is None when not given."""

    number: int
    line: str
    measurement: str
    tags: Labels
    fields: dict[str, Any]
    time: int | None

    @property
    def numbers(self) -> int:
        """What is lost with the point, at least one."""
        return sum(type(value) is not str for value in self.fields.values()) or 1


def take(call: Call) -> Taken:
    """The readings of the lines that are right; never raises Problem, since other pieces of the body may be stored."""
    taken = Taken()
    precision = call.query.get("precision", "")
    if precision in PRECISIONS:
        _Reader(call, PRECISIONS[precision], taken).read()
    else:
        fault = _("expected ns, us, ms, s, m or h, got %(got)s", got=_shown(precision))
        taken.reject(Reason.MALFORMED, placed("precision", fault))
    return taken


class _Reader:
    """Reads a body into `taken`."""

    def __init__(self, call: Call, scale: tuple[int, int], taken: Taken) -> None:
        self._call = call
        self._factor, self._divisor = scale
        self._taken = taken
        self._texts = 0
        self._first_text = ""

    def read(self) -> None:
        # Decoded here: 2.0.1 of the parser ends the process for bytes within quotes that are no UTF-8, and raises
        # UnicodeEncodeError for the surrogates that stand for them in a string.
        lines = self._call.body.decode("utf-8", "surrogateescape").split("\n")
        for point in _points(lines, self._call.line, self._taken):
            self._take(point)
        if self._texts:  # last, so that a real fault is named before it
            fault = _("text is not kept, only numbers and booleans are")
            self._taken.reject(Reason.NOT_A_NUMBER, placed(self._first_text, fault), self._texts)

    def _take(self, point: _Point) -> None:
        ts = self._call.now if point.time is None else point.time * self._factor // self._divisor
        if reason := in_time(ts, self._call):
            self._taken.reject(reason, placed(_line(point.number), _untimely(point, reason)), point.numbers)
            return
        try:
            self._read_fields(point, ts, _series(self._call.sender, point))
        except BadLabels as error:
            self._taken.reject(Reason.BAD_LABELS, _in_line(point.number, error.sentence), point.numbers)

    def _read_fields(self, point: _Point, ts: int, series: _Series) -> None:
        readings = self._taken.readings
        for field, value in point.fields.items():
            if type(value) is str:
                self._texts += 1
                self._first_text = self._first_text or _in_line(point.number, _("field %(name)s", name=_shown(field)))
                continue
            try:
                readings.append(Reading(series[field], ts, float(value)))
            except BadName as error:
                self._taken.reject(Reason.BAD_NAME, _in_line(point.number, error.sentence))


def _points(lines: list[str], first: int, taken: Taken) -> Iterator[_Point]:
    """What the parser makes of the lines, the first of which has this number. What it refuses is rejected here."""
    after = 0
    for at, line in enumerate(lines):
        if at < after:
            continue
        try:
            parsed = parse_line(line)
        except REFUSED as error:
            parsed, after = _continued(lines, at)
            if parsed is None and line.strip(" \t\r"):
                taken.reject(*_fault(line, first + at, error))
        if parsed is not None:  # it is for a comment
            yield _Point(
                first + at,
                line,
                parsed["measurement"],
                tuple(parsed["tags"].items()),
                parsed["fields"],
                parsed["time"],
            )


def _continued(lines: list[str], at: int) -> tuple[dict[str, Any] | None, int]:
    """A point whose quoted text goes on in the next lines, and the index of the line after it.

    Each search ends where the next can begin, so that a body of stray quotes is read twice and not a thousand times.
    """
    if _leaves_quote_open(lines[at]):
        for end in range(at + 1, len(lines)):
            if _leaves_quote_open(lines[end]):
                with suppress(*REFUSED):
                    return parse_line("\n".join(lines[at : end + 1])), end + 1
                break
    return None, at + 1


def _leaves_quote_open(line: str) -> bool:
    return len(QUOTE.findall(line)) % 2 == 1


class _Series(dict[str, Identity]):
    """The series of a point by its fields' names, each made when it is first asked for. Raises BadName."""

    def __init__(self, source: int, measurement: str, labels: Labels) -> None:
        super().__init__()
        self._source, self._measurement, self._labels = source, measurement, labels

    def __missing__(self, field: str) -> Identity:
        identity = Identity(self._source, fit_metric(f"{self._measurement}_{field}"), self._labels)
        if len(self) < FIELDS:
            self[field] = identity
        return identity


def _series(sender: Sender, point: _Point) -> _Series:
    """Raises BadLabels."""
    find = _remembered if len(point.line) < SHORT else _made
    return find(sender, point.measurement, point.tags)


def _made(sender: Sender, measurement: str, tags: Labels) -> _Series:
    return _Series(sender.id, measurement, with_defaults(sender, fit_labels(dict(tags), place="tags")))


_remembered = lru_cache(REMEMBERED)(_made)


def _fault(line: str, number: int, error: Exception) -> tuple[str, str]:
    """The reason and the sentence for a line that the parser refuses."""
    reason, expected = Reason.MALFORMED, EXPECTED.get(str(error), str(error))
    if any(map(_is_excessive, FIGURE.findall(line.partition(" ")[2]))):
        reason, expected = Reason.NOT_FINITE, _("expected finite numbers")
    elif isinstance(error, UnicodeEncodeError):
        expected = _("expected UTF-8")
    return reason, placed(_line(number), _("%(expected)s, got %(got)s", expected=expected, got=_shown(line)))


def _line(number: int) -> Sentence:
    return _("line %(n)d", n=number)


def _in_line(number: int, fault: str) -> Sentence:
    return _("%(line)s, %(fault)s", line=_line(number), fault=fault)


def _is_excessive(figure: str) -> bool:
    try:
        return not math.isfinite(float(figure))
    except ValueError:
        return False


def _untimely(point: _Point, reason: str) -> str:
    if reason == Reason.TOO_OLD:
        side = _("the time %(time)s is older than what is kept", time=str(point.time))
    else:
        side = _("the time %(time)s is more than 10 minutes ahead", time=str(point.time))
    return _("%(fault)s; is it in the precision that the request names?", fault=side)


def _shown(text: str) -> str:
    """What the sender wrote, quoted, without what no database and no header can hold."""
    short = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return UNFIT.sub("\N{REPLACEMENT CHARACTER}", dumps(short, ensure_ascii=False).encode("utf-8", "replace").decode())


def _write(name: str, paths: str, answer: Callable[[Taken, Outcome], Answer], refuse: Refuse) -> Endpoint:
    return Endpoint(
        name,
        re.compile(paths),
        ("POST",),
        take,
        answer,
        refuse=refuse,
        largest=25 * MIB,
        unpacked=25 * MIB,
        by_line=True,
        is_pure=True,
        query_token=True,
    )


ENDPOINTS = (
    _write("influx", "/write/?", influx_answers.written_v1, influx_answers.refused_v1),
    _write("influx2", "/api/v2/write/?", influx_answers.written_v2, influx_answers.refused_v2),
    *influx_answers.ENDPOINTS,
)
