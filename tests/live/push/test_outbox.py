from __future__ import annotations

from live.push.fragments import Fragment
from live.push.outbox import MAX_CHARACTERS, MAX_ITEMS, Outbox


def fragment(key: str, text: str = "x") -> Fragment:
    return Fragment(key, (text,))


def test_fragments_leave_in_the_order_in_which_they_came():
    outbox = Outbox()
    outbox.put([fragment("a"), fragment("b")])
    assert [item.key for item in outbox.take()] == ["a", "b"]
    assert not outbox


def test_a_newer_fragment_takes_the_place_of_an_older_one_at_the_end():
    outbox = Outbox()
    outbox.put([fragment("a", "old"), fragment("tiles")])
    outbox.put([fragment("a", "new")])
    assert outbox.conflated == 1
    assert [(item.key, item.texts[0]) for item in outbox.take()] == [("tiles", "x"), ("a", "new")]
    assert outbox.conflated == 0


def test_the_limit_of_items():
    outbox = Outbox()
    assert outbox.put(fragment(str(n)) for n in range(MAX_ITEMS))
    assert not outbox.put([fragment("one more")])
    assert outbox.take() == ()


def test_the_limit_of_characters():
    outbox = Outbox()
    assert outbox.put([fragment("a", "x" * MAX_CHARACTERS)])
    assert outbox.put([fragment("a", "y" * MAX_CHARACTERS)]), "a replaced fragment does not count twice"
    assert not outbox.put([fragment("b")])


def test_an_outbox_that_overflowed_starts_afresh():
    outbox = Outbox()
    outbox.put([fragment("a", "x" * (MAX_CHARACTERS + 1))])
    assert outbox.put([fragment("b", "x" * MAX_CHARACTERS)])
