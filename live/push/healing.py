"""Finding the changes whose signal was lost: the versions of all watched topics, in one query."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from live.push.topics import TOPICS, parse


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
