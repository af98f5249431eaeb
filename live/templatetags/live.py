"""Printing regions on pages with the fragments that a push uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from live.push.rendering import print_part
from live.push.topics import Log, Part, Region

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

register = template.Library()

PAGES = {
    "board": _("Board"),
    "chat": _("Chat"),
    "notifications": _("Announcements"),
    "sources": _("Sources"),
    "online": pgettext_lazy("page", "Online"),
}


@register.simple_tag
def parts(region: Region | Log) -> SafeString:
    """Every part of the region, as a push prints it."""
    return format_html_join("", "{}", ((print_part(part),) for part in region.parts))


@register.simple_tag
def part(one: Part) -> SafeString:
    return format_html_join("", "{}", ((print_part(one),),))


@register.filter
def page_words(kind: str) -> StrOrPromise:
    """What kind of page somebody has open, in the reader's words."""
    return PAGES.get(kind, kind)
