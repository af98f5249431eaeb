"""The one stylesheet that differs per person. Lines are the same for all; whose button shows is CSS."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.crypto import salted_hmac
from django.views.decorators.http import require_safe

from live.chat.verbs import RETRACT_PERMISSION


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    css = personal_css(request.user)
    etag = f'"{salted_hmac("account.style", css).hexdigest()[:16]}"'
    response = HttpResponse(
        css, "text/css; charset=utf-8", headers={"ETag": etag, "Cache-Control": "private, no-cache"}
    )
    patch_vary_headers(response, ["Cookie"])
    return get_conditional_response(request, etag=etag, response=response) or response


def personal_css(user: User | AnonymousUser) -> str:
    """Which buttons this person sees; whether they may use them is judged again when they do."""
    if not user.is_authenticated:
        return ""
    may_retract = user.is_staff or user.has_perm(RETRACT_PERMISSION)
    retract = ".retract" if may_retract else f'[data-author="{user.pk}"] .retract'
    return f"{retract}{{display:inline-grid}}\n"
