"""What is sent between two states, applied to a small model of a page, gives the page of the new state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from live.push.fragments import CHUNK, Fragment, HtmlChanges, JsonChanges, emptied
from live.push.topics import Log, Part, Region, State


@dataclass(frozen=True)
class Tile:
    value: int


def tile(name: str, value: int) -> Part:
    return Part(f"tile-{name}", "", "tile", Tile(value), {"kpi": name, "value": value})


def board(*parts: Part, headline: int = 0) -> State:
    return State("", (Region("#tiles", parts), Region("", (Part("headline", "", "n", Tile(headline)),))))


def line(seq: int, text: str = "") -> Part:
    return Part(f"m{seq}", "", "line", (seq, text), {"seq": seq, "text": text})


def log(*parts: Part, changed: tuple[Part, ...] | None = None) -> State:
    return State("", (Log("#log", parts, changed),))


def html(part: Part) -> str:
    return f"<i id={part.id}>{part.data}</i>"


def keys(fragments: list[Fragment]) -> list[str]:
    return [fragment.key for fragment in fragments]


changes = HtmlChanges(html)


def test_nothing_is_sent_when_nothing_differs():
    assert changes.between(board(tile("a", 1)), board(tile("a", 1))) == []


def test_a_changed_tile_is_morphed_alone():
    sent = changes.between(board(tile("a", 1), tile("b", 1)), board(tile("a", 1), tile("b", 2)))
    assert [fragment.texts for fragment in sent] == [
        ('<hx-partial hx-target="#tile-b" hx-swap="outerMorph"><i id=tile-b>Tile(value=2)</i></hx-partial>',)
    ]


def test_a_new_tile_fills_the_container_anew():
    assert keys(changes.between(board(tile("a", 1)), board(tile("a", 1), tile("b", 1)))) == ["#tiles"]


def test_another_order_fills_the_container_anew():
    assert keys(changes.between(board(tile("a", 1), tile("b", 1)), board(tile("b", 1), tile("a", 1)))) == ["#tiles"]


def test_a_part_that_stands_alone_never_touches_the_container():
    assert keys(changes.between(board(tile("a", 1), headline=1), board(tile("a", 1), headline=2))) == ["#headline"]


def test_a_topic_that_was_lost_is_emptied_everywhere():
    batch = emptied(["#arrivals", "#room-ops-log"])
    assert [fragment.texts[0] for fragment in batch.fragments] == [
        '<hx-partial hx-target="#arrivals" hx-swap="innerHTML"></hx-partial>',
        '<hx-partial hx-target="#room-ops-log" hx-swap="innerHTML"></hx-partial>',
    ]


def test_new_lines_of_a_log_are_upserted_one_by_one():
    sent = changes.between(log(line(1)), log(line(1), line(2), line(3), changed=(line(2), line(3))))
    assert len(sent) == 2
    assert all('hx-swap="upsert"' in fragment.texts[0] for fragment in sent)


def test_a_burst_travels_in_few_fragments_and_loses_nothing():
    burst = tuple(line(seq) for seq in range(2, 302))
    sent = changes.between(log(line(1)), log(*burst[-CHUNK:], changed=burst))
    assert len(sent) == 300 / CHUNK
    text = "".join(fragment.texts[0] for fragment in sent)
    assert all(html(part) in text for part in burst)


def test_a_log_that_cannot_tell_what_changed_is_filled_anew():
    (sent,) = changes.between(log(line(1)), log(line(8), line(9), changed=None))
    assert 'hx-swap="innerMorph"' in sent.texts[0]


def test_a_log_that_was_read_afresh_and_is_the_same_is_left_alone():
    assert changes.between(log(line(8), line(9)), log(line(8), line(9), changed=None)) == []


def test_programs_get_what_is_new_and_not_the_history():
    events = JsonChanges(lambda part: json.dumps(part.event))
    assert events.snapshot(log(line(1), line(2))) == []
    sent = events.between(log(line(1)), log(line(1), line(2), changed=(line(2),)))
    assert [json.loads(fragment.texts[0])["seq"] for fragment in sent] == [2]
    sent = events.between(board(tile("a", 1)), board(tile("b", 5), tile("a", 1)))
    assert [json.loads(fragment.texts[0])["kpi"] for fragment in sent] == ["b"]


def test_programs_get_every_new_line_also_where_pages_are_filled_anew():
    events = JsonChanges(lambda part: json.dumps(part.event))
    many = tuple(line(seq) for seq in range(2, 102))
    filled = State("", (Log("#log", many[-50:], None, many),))
    sent = events.between(log(line(1)), filled)
    assert [json.loads(text)["seq"] for fragment in sent for text in fragment.texts] == list(range(2, 102))


def apply(page: dict[str, list[str] | str], fragments: list[Fragment]) -> None:
    """A page as the ids of a container's children and the text of each part."""
    for fragment in fragments:
        text = fragment.texts[0]
        target = text.split('hx-target="#')[1].split('"')[0]
        inner = text.split(">", 1)[1].removesuffix("</hx-partial>")
        pieces = {piece.split("<i id=")[1].split(">")[0]: piece for piece in inner.split("</i>") if piece}
        if "innerMorph" in text:
            page[target] = list(pieces)
        page.update(pieces)


tiles = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), unique_by=lambda pair: pair[0])


@given(st.lists(tiles, min_size=2, max_size=8))
def test_any_walk_through_boards_ends_with_the_page_of_the_last_one(walk):
    states = [board(*(tile(*pair) for pair in tiles)) for tiles in walk]
    followed: dict[str, list[str] | str] = {}
    apply(followed, changes.snapshot(states[0]))
    for old, new in pairwise(states):
        apply(followed, changes.between(old, new))
    fresh: dict[str, list[str] | str] = {}
    apply(fresh, changes.snapshot(states[-1]))
    assert {key: followed[key] for key in fresh} == fresh
