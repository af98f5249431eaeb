"""A person's own topic: it says that something about their rights changed."""

from __future__ import annotations

from collections.abc import Iterable

from live.people import Access, Audience
from live.push.topics import HUBS, Context, State, Topic, register


@register
class UserTopic(Topic):
    kind = "user"
    about_rights = True
    is_shown = False

    @property
    def group(self) -> str:
        return HUBS  # A subscription for each person who comes would cost more than a word to every hub.

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {key: Audience(Access.SIGNED_IN, person=int(key)) for key in keys if key.isdecimal()}

    def load(self, context: Context, known: State | None) -> State:
        return State("", ())
