"""Names for people and short names for addresses, from what programs call a metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count

from anyascii import anyascii
from django.db import IntegrityError, models, transaction
from django.utils.text import slugify

SLUG_LENGTH = 60
ROOM_FOR_NUMBER = 6
EVERYWHERE = {"job", "instance"}
"""Labels that name the sender: every series of it has them."""
SEPARATORS = re.compile(r"[\s._:/\\-]+")


def humanised(metric: str) -> str:
    """A metric's name as a sentence would have it: "http.requests_total" is "Http requests total"."""
    words = SEPARATORS.sub(" ", metric).strip()
    return (words[:1].upper() + words[1:])[:100] or metric[:100]


def described(metric: str, labels: Mapping[str, str]) -> str:
    """What tells a metric's series apart, in short: "Node filesystem free bytes: /, ext4". "" without a metric."""
    values = ", ".join(value for name, value in sorted(labels.items()) if name not in EVERYWHERE)
    return f"{humanised(metric)}: {values}"[:100] if metric and values else humanised(metric)


def slugs(*names: str, fallback: str) -> Iterator[str]:
    """Short names to try, best first: that of the first name which has one, then with 2, 3 and so on.

    Only ASCII letters, digits and hyphens: other scripts are written in Latin letters, so that "Заказы" is "zakazy". A
    name of which nothing is left counts for nothing.
    """
    base = next(filter(None, map(_slug, names)), fallback)
    yield base
    for number in count(2):
        yield f"{base}-{number}"


def save_with_slug(row: models.Model, candidates: Iterator[str]) -> None:
    """Save a new row under the first short name that is free. Call it in a transaction."""
    taken = type(row)._default_manager.values_list("slug", flat=True)
    for row.slug in candidates:  # type: ignore[attr-defined]
        if taken.filter(slug=row.slug).exists():  # type: ignore[attr-defined]
            continue
        try:
            with transaction.atomic():
                row.save(force_insert=True)
            return
        except IntegrityError:
            # Somebody took the name since it was looked up; anything else is a fault of the row.
            if not taken.filter(slug=row.slug).exists():  # type: ignore[attr-defined]
                raise


def _slug(name: str) -> str:
    # slugify keeps underscores and drops what else parts words; hyphens read better in an address.
    return slugify(SEPARATORS.sub(" ", anyascii(name)))[: SLUG_LENGTH - ROOM_FOR_NUMBER].strip("-")
