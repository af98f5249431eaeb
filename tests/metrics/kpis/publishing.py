from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from live.push import signals


@pytest.fixture
def published(django_capture_on_commit_callbacks) -> Callable[[], AbstractContextManager[set[str]]]:
    """`with published() as topics:` what is published inside, commits included."""

    @contextlib.contextmanager
    def listening() -> Iterator[set[str]]:
        topics: set[str] = set()
        signals.deliver_to(topics.update)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                yield topics
        finally:
            signals.deliver_to(None)

    return listening
