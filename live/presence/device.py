"""A random id per browser, so that three tabs of one guest count as one guest. It names nobody and holds no rights."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "device"
YEAR_S = 365 * 24 * 3600


class DeviceCookie:
    """Middleware: gives the cookie with the first page."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._later(request)
        return self._with_cookie(request, self.get_response(request))

    async def _later(self, request: HttpRequest) -> HttpResponse:
        return self._with_cookie(request, await self.get_response(request))

    def _with_cookie(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
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
