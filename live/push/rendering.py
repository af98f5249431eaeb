"""Printing a part as a reader with a certain view sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from django.template.loader import get_template
from django.utils import timezone, translation

from live.push.topics import Part, View


@contextmanager
def seen_as(view: View) -> Iterator[None]:
    with translation.override(view.language), timezone.override(view.zone):
        yield


def print_part(part: Part) -> str:
    """The part's HTML in the active language and time zone: on a page and in a push alike."""
    return get_template(part.template).render({part.name: part.data})


def print_event(part: Part) -> str:
    """The part as a JSON object; "" where programs get none."""
    return json.dumps(part.event, ensure_ascii=False, allow_nan=False) if part.event else ""


def render(part: Part, view: View) -> str:
    """What a socket with this view is sent for the part."""
    if view.format == "json":
        return print_event(part)
    with seen_as(view):
        # Without the space around it: every morph would leave it behind on the page, as one more text node.
        return print_part(part).strip()
