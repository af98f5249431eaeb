"""What a hostile or broken exporter writes: bodies of Prometheus' text format and of OpenMetrics, for any parser."""

from __future__ import annotations

from hypothesis import strategies as st

LETTERS = ["a", "b", "le", "_total", ":", "é", "漢", "😀", "\x00", "\x85", "\u2028", "\ufeff", "\x7f", "x" * 300]
MARKS = ['"', "\\", '\\"', "\\\\", "\\n", "{", "}", "{}", "=", ",", ",,", "#", " # ", " ", "\t", "\r", "\n", "__", "-"]
BITS = st.sampled_from([*LETTERS, *MARKS])
ANY = st.lists(BITS, max_size=6).map("".join)
NAMES = st.one_of(
    st.sampled_from(["a", "a_total", "h_bucket", "s_count", "job", "__name__", "x-y", '"q.n"', "1a"]), ANY
)
VALUES = st.one_of(
    st.sampled_from(["1", "+Inf", "-Inf", "NaN", "nan(1)", "0x1", "1_0", "1e400", "", "9" * 400, "9" * 5000, "١", "-"]),
    st.floats().map(repr),
    st.integers().map(str),
)
TIMES = st.one_of(
    st.sampled_from(
        ["", " 0", " -1", " NaN", " Inf", " 1e400", " " + "9" * 400, " 1 2", " x", " # {} 1", ' # {a="b"} 1']
    ),
    st.integers(-(2**64), 2**64).map(lambda time: f" {time}"),
)
WORDS = st.sampled_from(
    ["counter", "gauge", "histogram", "summary", "info", "stateset", "gaugehistogram", "x", "", "\\"]
)


@st.composite
def _samples(draw: st.DrawFn) -> str:
    labels = ",".join(f'{draw(NAMES)}="{draw(ANY)}"' for _ in range(draw(st.integers(0, 3))))
    braces = draw(st.sampled_from(["", "{%s}", "{%s,}", "{%s", "%s}", "{%s}}"]))
    return f"{draw(NAMES)}{braces % labels if '%s' in braces else braces} {draw(VALUES)}{draw(TIMES)}"


def _notes() -> st.SearchStrategy[str]:
    what = st.sampled_from(["TYPE", "HELP", "UNIT", "EOF", "", "type"])
    return st.tuples(what, NAMES, st.one_of(WORDS, ANY)).map(lambda said: f"# {said[0]} {said[1]} {said[2]}")


def exposition_bodies() -> st.SearchStrategy[bytes]:
    """Text that is nearly right, quite wrong, or no text at all."""
    lines = st.one_of(_samples(), _notes(), ANY, st.just("good 1"), st.just("# EOF"))
    written = st.lists(lines, max_size=8).map("\n".join)
    return st.one_of(
        written.map(str.encode), st.tuples(written, st.binary(max_size=4)).map(_joined), st.binary(max_size=200)
    )


def _joined(drawn: tuple[str, bytes]) -> bytes:
    return drawn[0].encode() + drawn[1] + b"\ngood 1\n"


LONG = {
    "escaped quotes in a value": b'a{x="' + b'\\"' * 32_000 + b'"} 1',
    "many escaped quotes that fit": b"a{" + b",".join(b'l%d="%s"' % (n, b'\\"' * 1_000) for n in range(30)) + b"} 1",
    "backslashes": b'a{x="' + b"\\" * 2_040 + b'"} 1',
    "3,200 labels": b"a{" + b",".join(b'l%d="1"' % n for n in range(3_200)) + b"} 1",
    "32,000 braces": b"a" + b"{" * 32_000 + b" 1",
    "closing braces": b"a{" + b"}" * 32_000 + b" 1",
    "commas": b"a{" + b"," * 60_000 + b"} 1",
    "an open quote": b'a{x="' + b'b"' * 30_000,
    "blanks": b"a" + b" " * 60_000 + b"1",
    "digits": b"a " + b"9" * 60_000,
    "a name": b"a" * 60_000 + b" 1",
    "a quoted name": b'{"' + b"a" * 60_000 + b'"} 1',
    "exemplars": b"a 1" + b" # {} 1" * 9_000,
    "help": b"# HELP a " + b"\\" * 60_000,
    "types": b"\n".join(b"# TYPE a%d gauge" % n for n in range(3_000)),
    "short lines": b"\n".join([b"a 1"] * 16_000),
    "empty lines": b"\n" * 60_000,
    "comments": b"#\n" * 30_000,
}
"""Up to 64 KiB each, made to take as long as possible; repeated, they make a body of any size."""
