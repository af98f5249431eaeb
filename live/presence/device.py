"""A random id per browser, so that three tabs of one guest count as one guest. It names nobody and holds no rights."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "device"
YEAR_S = 365 * 24 * 3600


class DeviceCookie:
    """Middleware: gives the cookie with the first page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and COOKIE not in request.COOKIES:
            response.set_cookie(
                COOKIE,
                secrets.token_urlsafe(16),
                max_age=YEAR_S,
                httponly=True,
                samesite="Lax",
                secure=settings.HTTPS,
            )
        return response
