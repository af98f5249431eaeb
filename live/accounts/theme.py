"""Light, dark, or what the system says: a choice of the browser, not of the account."""

from __future__ import annotations

from django.http import HttpRequest

THEME_COOKIE = "theme"
THEMES = ("system", "light", "dark")


def theme(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme` is "light", "dark", or "" where the system decides."""
    chosen = request.COOKIES.get(THEME_COOKIE)
    return {"theme": chosen if chosen in ("light", "dark") else ""}
