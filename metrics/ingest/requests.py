"""What an ASGI scope says about a request, in the words of metrics.ingest.calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

from django.conf import settings

from metrics.ingest.problems import Problem

PARAMETERS = 50


def path_of(scope: Any) -> str:
    """The path as it was sent, percent signs included, without the prefix under which we are mounted."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.partition(b"?")[0].decode("latin-1")
    return path.removeprefix(scope.get("root_path", "").rstrip("/"))


def headers_of(scope: Any) -> dict[str, str]:
    """Names and values; a header that comes twice is joined by commas, so that it matches nothing that we know."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def query_of(scope: Any) -> dict[str, str]:
    """The parameters; of one that comes twice the first. Raises Problem."""
    raw = scope.get("query_string", b"").decode("latin-1")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=PARAMETERS)
    except ValueError:
        raise Problem(400, f"query: expected at most {PARAMETERS} parameters") from None
    return dict(reversed(pairs))


def is_secure(scope: Any, headers: Mapping[str, str]) -> bool:
    """Whether the request came over TLS, if only as far as a proxy that is trusted (TRUSTED_PROXIES)."""
    proxied = settings.SECURE_PROXY_SSL_HEADER is not None and headers.get("x-forwarded-proto") == "https"
    return scope.get("scheme") == "https" or proxied
