from __future__ import annotations

from live.push.fragments import Batch, Fragment
from live.push.outbox import MAX_CHARACTERS, MAX_ITEMS, Outbox


def batch(*keys: str, text: str = "x") -> Batch:
    return Batch(Fragment(key, (text,)) for key in keys)


def waiting(outbox: Outbox) -> list[tuple[str, str]]:
    return [(one.key, one.texts[0]) for batch in outbox.take() for one in batch.fragments]


def test_batches_leave_in_the_order_in_which_they_came():
    outbox = Outbox()
    outbox.put(batch("a"))
    outbox.put(batch("b"))
    assert waiting(outbox) == [("a", "x"), ("b", "x")]
    assert not outbox


def test_nothing_is_copied_while_everything_fits():
    outbox, shared = Outbox(), batch("a", "b")
    outbox.put(shared)
    assert outbox.take() == (shared,)


def test_beyond_the_limit_a_newer_fragment_takes_the_place_of_an_older_one_at_the_end():
    outbox = Outbox()
    outbox.put(batch("a", text="old"))
    outbox.put(batch("tiles"))
    assert outbox.put(batch("a", *(f"b{n}" for n in range(MAX_ITEMS - 2)), text="new"))
    assert outbox.conflated == 1
    assert waiting(outbox)[:2] == [("tiles", "x"), ("a", "new")]
    assert outbox.conflated == 0


def test_the_limit_of_items():
    outbox = Outbox()
    assert outbox.put(batch("first"))
    assert outbox.put(batch(*(str(n) for n in range(MAX_ITEMS - 1))))
    assert not outbox.put(batch("one more"))
    assert outbox.take() == ()


def test_the_limit_of_characters():
    outbox = Outbox()
    assert outbox.put(batch("a", text="x" * MAX_CHARACTERS))
    assert outbox.put(batch("a", text="y" * MAX_CHARACTERS)), "a replaced fragment does not count twice"
    assert not outbox.put(batch("b"))


def test_a_batch_that_waits_alone_fits_whatever_its_size():
    outbox = Outbox()
    assert outbox.put(batch("a", text="x" * (MAX_CHARACTERS + 1)))
    assert outbox


def test_an_outbox_that_overflowed_starts_afresh():
    outbox = Outbox()
    outbox.put(batch("a", text="x" * MAX_CHARACTERS))
    outbox.put(batch("b"))
    assert outbox.put(batch("c", text="x" * MAX_CHARACTERS))
