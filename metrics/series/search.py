"""Finding series by what people type, in pages that stay fast however many series there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact

from metrics.series.models import Series

SIZE = 25
"""Series on a page."""
MOST_WORDS = 10
LONGEST = 500
SOURCE = "source"
"""The label of this name also finds what a source sends: `source=shop`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of series. `after` leads to the next one; "" on the last."""

    series: Sequence[Series]
    after: str


def find(query: str, after: str = "") -> Found:
    """The series for which every word holds, by name; the page behind the place `after`, which a Found gave.

    A word with an equals sign names a label and its value, any other is part of a name. A place that is none of ours
    counts as the beginning. One query.
    """
    rows = Series.objects.select_related("source").order_by("name", "pk").filter(_behind(after))
    page = list(_holding(rows, words(query))[: SIZE + 1])
    return Found(page[:SIZE], _place(page[SIZE - 1]) if len(page) > SIZE else "")


def words(query: str) -> list[str]:
    """What is looked for; a zero byte, which no text in PostgreSQL can have, is left out."""
    return query.replace("\0", "")[:LONGEST].split()[:MOST_WORDS]


def _holding(rows: QuerySet[Series], wanted: Sequence[str]) -> QuerySet[Series]:
    for word in wanted:
        name, equals, value = word.partition("=")
        rows = rows.filter(_label(name, value.strip('"')) if name and equals else Q(name__icontains=word))
    return rows


def _label(name: str, value: str) -> Q:
    has_it = Q(Exact(KeyTextTransform(name, "labels"), value))
    return has_it | Q(source__name=value) if name == SOURCE else has_it


def _place(series: Series) -> str:
    return f"{series.pk}:{series.name}"


def _behind(place: str) -> Q:
    """What comes behind a place: by name, then by id. The page before need not be read again."""
    pk, colon, name = place.replace("\0", "").partition(":")
    if not (colon and pk.isascii() and pk.isdecimal() and len(pk) < 19):
        return Q()
    return Q(name__gt=name) | Q(name=name, pk__gt=int(pk))
