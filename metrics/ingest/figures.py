"""What this process counts of the calls that come in, for /metrics."""

from __future__ import annotations

from collections import Counter

calls: Counter[tuple[str, str]] = Counter()
"""Calls by endpoint and class of status, such as ("json", "2xx"), since the start."""


def note_call(endpoint: str, status: int) -> None:
    calls[endpoint, f"{status // 100}xx"] += 1
