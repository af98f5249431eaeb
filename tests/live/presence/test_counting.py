"""What is said about how many are here: exact numbers, or numbers that say that they are not."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from live.presence.roster import Here, Presence
from live.presence.topic import regions
from live.push.rendering import print_part

HERE = (Here(7, "alice", ("board",), 2),)
APPROXIMATE = {"en": "(approximate)", "ru": "(примерно)"}


def printed(presence: Presence) -> tuple[str, str]:
    """The header's counter and the summary."""
    counter, summary = regions(presence)[:2]
    return print_part(counter.parts[0]), print_part(summary.parts[0])


def heard(html: str) -> str:
    """What a screen reader says."""
    html = re.sub(r"<(\w+) [^>]*aria-hidden[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_an_exact_count_says_nothing_more():
    counter, summary = printed(Presence(HERE, tabs=2, guests=1))
    assert heard(counter) == "1 online"
    assert heard(summary) == "1 person 1 guest 2 tabs"
    assert "≈" not in counter
    assert "counts-about" not in summary


@pytest.mark.parametrize("language", APPROXIMATE)
def test_a_count_that_may_be_off_says_so_to_eye_and_ear(language):
    with override(language):
        counter, summary = printed(Presence(HERE, tabs=2, guests=1, exact=False))
    assert '<span aria-hidden="true">≈ </span>1' in counter
    assert "counts-about" in summary
    for html in (counter, summary):
        assert heard(html).startswith("1 ")
        assert heard(html).endswith(APPROXIMATE[language])
