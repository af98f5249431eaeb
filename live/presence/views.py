from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from live.presence.topic import OnlineTopic
from live.push.pages import page_state, socket_url
from live.push.topics import Log, Region


@require_safe
def online(request: HttpRequest) -> HttpResponse:
    """Who is here."""
    return render(request, "live/online.html", who_is_here() | {"socket": socket_url("/ws/online/")})


def who_is_here() -> dict[str, Region | Log | None]:
    """The regions that pages with the whole list print."""
    counts, listed = page_state(OnlineTopic("all")), page_state(OnlineTopic("list"))
    return {
        "summary": counts.regions[1] if counts else None,
        "people": listed.regions[0] if listed else None,
    }
