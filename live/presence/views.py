from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from live.presence.topic import OnlineTopic
from live.push.pages import page_state, socket_url


@require_safe
def online(request: HttpRequest) -> HttpResponse:
    """Who is here."""
    state = page_state(OnlineTopic("all"))
    _counter, summary, people, _names = state.regions if state else ()
    context = {"summary": summary, "people": people, "socket": socket_url("/ws/online/")}
    return render(request, "live/online.html", context)
