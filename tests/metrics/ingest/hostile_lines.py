"""What a hostile or broken sender writes: bodies of line protocol and of webhooks, for any parser of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

LETTERS = ["a", "b", "m", "é", "漢", "😀", "\x85", "\u2028", "\u202e", "\ufeff", "\x7f", "\x01", "\x00", "e", "x" * 300]
MARKS = ["-", "#", ".", '"', "\\", "=", ",", " ", "\t", "\r", "\n", "\\ ", "\\,", '\\"', "\\\\", "==", ",,", "  "]
BITS = st.sampled_from([*LETTERS, *MARKS])
VALUES = st.one_of(
    st.sampled_from(
        ["1", "1i", "1u", "t", "F", "true", "nan", "NaN", "inf", "-Infinity", "1e400", "0x1", "1_0", "", "i"]
    ),
    st.sampled_from(['"text"', '"un', '"a\\"b"', '"a\nb"', "9" * 30 + "i", "9" * 400, "1e999999999", "--1", "\u0661"]),
    st.floats().map(repr),
    st.integers().map(lambda number: f"{number}i"),
)
TIMES = st.one_of(
    st.sampled_from(
        ["", " 0", " -1", " 1.5", " x", " 9223372036854775807", " " + "9" * 40, " 1 2", " 1795154400000000000"]
    ),
    st.integers(-(2**64), 2**64).map(lambda time: f" {time}"),
)
NAMES = st.lists(BITS, min_size=1, max_size=4).map("".join)


@st.composite
def _lines(draw: st.DrawFn) -> str:
    tags = "".join(f",{draw(NAMES)}={draw(NAMES)}" for _ in range(draw(st.integers(0, 3))))
    fields = ",".join(f"{draw(NAMES)}={draw(VALUES)}" for _ in range(draw(st.integers(1, 3))))
    return f"{draw(NAMES)}{tags} {fields}{draw(TIMES)}"


def line_bodies() -> st.SearchStrategy[bytes]:
    """Line protocol that is nearly right, quite wrong, or no text at all."""
    written = st.lists(st.one_of(_lines(), NAMES, st.just("good v=1")), max_size=6).map("\n".join)
    broken = st.tuples(written, st.binary(max_size=4), st.integers(0, 100)).map(_with_bytes)
    return st.one_of(written.map(str.encode), broken, st.binary(max_size=200))


def _with_bytes(drawn: tuple[str, bytes, int]) -> bytes:
    text, bits, at = drawn
    body = text.encode()
    return body[:at] + bits + body[at:]


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(
        [
            "",
            " ",
            "\x00",
            "\ud800",
            "<b>",
            "\u202e",
            "firing",
            "resolved",
            "critical",
            "x" * 5_000,
            "0001-01-01T00:00:00Z",
        ]
    ),
    st.text(max_size=20),
)
SCALARS_AND_MORE = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
KEYS = ("status", "labels", "annotations", "startsAt", "endsAt", "fingerprint", "values", "title", "text", "severity")
LABELS = st.dictionaries(st.sampled_from(["alertname", "severity", "instance", "summary", "x"]), ODD, max_size=4)
ALERTS = st.fixed_dictionaries({}, optional={key: st.one_of(SCALARS_AND_MORE, LABELS) for key in KEYS})
GROUPS = st.fixed_dictionaries(
    {},
    optional={
        "alerts": st.one_of(st.lists(ALERTS, max_size=4), SCALARS_AND_MORE),
        "status": ODD,
        "state": ODD,
        "ruleName": ODD,
        "ruleId": ODD,
        "evalMatches": SCALARS_AND_MORE,
        "tags": SCALARS_AND_MORE,
        "title": SCALARS_AND_MORE,
        "message": SCALARS_AND_MORE,
    },
)


def hook_bodies() -> st.SearchStrategy[bytes]:
    """Webhooks' JSON with what does not belong there, and what is no JSON."""
    documents: st.SearchStrategy[Any] = st.one_of(GROUPS, st.lists(GROUPS | ALERTS, max_size=3), SCALARS_AND_MORE)
    written = documents.map(json.dumps).map(str.encode)
    cut = st.tuples(written, st.integers(0, 50)).map(lambda drawn: drawn[0][: drawn[1]])
    extreme = st.sampled_from(
        [b"[" * 200_000, b'{"a":' * 100_000, b"9" * 5_000, b"\xff", b"", b"\xef\xbb\xbf{}", b"NaN"]
    )
    return st.one_of(written, cut, extreme, st.binary(max_size=50))
