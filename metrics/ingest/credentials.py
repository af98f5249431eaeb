"""Where senders put their token: five habits of five protocols."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping

SECRETS = frozenset({"u", "p", "token"})
"""Parameters of a query that hold a token, or a name beside one. No format gets to see them."""


def token_of(headers: Mapping[str, str], query: Mapping[str, str], *, query_token: bool = False) -> str:
    """The token that a request shows, or "". With `query_token` the query is looked at after the headers.

    Taken are `Authorization: Bearer …`, `Token …` and `Basic …` (the token is the password), `X-Api-Key: …`, and
    ?u=…&p=… or ?token=….
    """
    shown = _authorized(headers.get("authorization", "")) or headers.get("x-api-key", "").strip()
    if shown or not query_token:
        return shown
    return query.get("p", "") or query.get("token", "")


def without_secrets(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in SECRETS}


def _authorized(header: str) -> str:
    scheme, _, credentials = header.partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return credentials.strip()
        case "basic":
            return _password(credentials.strip())
    return ""


def _password(encoded: str) -> str:
    try:
        return b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
