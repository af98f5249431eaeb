"""Finding the changes whose signal was lost: the versions of all watched topics, in one query."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from live.clock import now_ms
from live.database import in_pool
from live.push.topics import TOPICS, parse
from live.push.watched import Watched

logger = logging.getLogger(__name__)

UNDER_WAY_S = 0.25
"""What a signal may take from the commit to here."""


class Healing:
    """Of one hub: `look_at` has a topic read soon, `refresh` reads it now and says whether anything differed."""

    def __init__(
        self,
        watched: Mapping[str, Watched],
        counts: Counter[str],
        look_at: Callable[[Watched], None],
        refresh: Callable[..., Coroutine[Any, Any, bool]],
    ) -> None:
        self._watched = watched
        self._counts = counts
        self._look_at = look_at
        self._refresh = refresh

    async def heal(self) -> None:
        """Read what has another version in the database; count it if no signal explains it a moment later either."""
        signals = {name: watched.signals for name, watched in self._watched.items()}
        unexplained = []
        for name, version in (await in_pool(versions, list(signals))).items():
            watched = self._watched.get(name)
            if watched and watched.state and watched.state.version != version:
                if not watched.is_being_read and watched.signals == signals[name]:
                    unexplained.append(watched)
                self._look_at(watched)
        await asyncio.sleep(UNDER_WAY_S)
        for watched in unexplained:
            if watched.signals == signals[watched.topic.name]:
                self._counts["heals_version"] += 1
                self._counts["gaps"] += watched.topic.at_once

    async def check(self) -> None:
        """Load everything as if for the first time. A difference at an equal version is a bug to find."""
        for watched in list(self._watched.values()):
            by_the_clock = watched.is_due(now_ms())
            before = watched.state.version if watched.state else ""
            differs = await self._refresh(watched, check=True)
            if differs and not by_the_clock and watched.state and watched.state.version == before:
                self._counts["heals_unversioned"] += 1
                logger.warning("%s had changed without a new version.", watched.topic.name)


def versions(names: Iterable[str]) -> dict[str, str]:
    """The version of each topic that the database keeps, by name. Topics that are gone are missing."""
    queries = list(_queries(names))
    if not queries:
        return {}
    first, *others = queries
    return dict(first.union(*others, all=True) if others else first)


def keys_by_kind(names: Iterable[str]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for topic in map(parse, names):
        out.setdefault(topic.kind, []).append(topic.key)
    return out


def _queries(names: Iterable[str]) -> Iterable[QuerySet]:
    for kind, keys in keys_by_kind(names).items():
        if (query := TOPICS[kind].versions(keys)) is not None:
            yield query.order_by().values_list("topic", "at_version")
