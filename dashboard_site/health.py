"""Whether this process lives, and whether it can serve."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard_site.runtime import runtime
from live.push import hub

BEAT_AGE_S = 5.0
BEHIND_S = 5.0


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 with the reason while the database does not answer, the hub is deaf, or samples wait too long."""
    problem = _problem()
    return HttpResponse(f"{problem or 'ok'}\n", content_type="text/plain", status=503 if problem else 200)


def _problem() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        return "the database does not answer"
    here = hub.running()
    if here is None:
        return "the hub is not running"
    if here.bus.beat_age_s > BEAT_AGE_S:
        return "the hub does not hear its own beat"
    return "samples wait too long to be stored" if runtime.writer.behind_s > BEHIND_S else ""
