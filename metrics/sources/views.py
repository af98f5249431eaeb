from __future__ import annotations

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from live.push.pages import page_state, socket_url
from metrics.sources.models import Source
from metrics.sources.topic import KEY, PERMISSION, SourcesTopic, SourceTopic


@require_safe
@never_cache
def sources(request: HttpRequest) -> HttpResponse:
    """Every source and how it is doing; staff only."""
    if not request.user.has_perm(PERMISSION):
        return _hidden(request)
    state = page_state(SourcesTopic(KEY))
    context = {"socket": socket_url("/ws/sources/"), "sources": state.regions[0] if state else None}
    return render(request, "metrics/sources.html", context)


@require_safe
@never_cache
def source(request: HttpRequest, name: str) -> HttpResponse:
    if not request.user.has_perm(PERMISSION):
        return _hidden(request)
    found = Source.objects.filter(name=name).first()
    state = page_state(SourceTopic(name)) if found else None
    if found is None or state is None:
        raise Http404(_("There is no such source."))
    context = {"socket": socket_url(f"/ws/sources/{name}/"), "source": found, "report": state.regions[0]}
    return render(request, "metrics/source.html", context)


def _hidden(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        raise PermissionDenied(_("Only staff may see sources."))
    return redirect_to_login(request.get_full_path())
