from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.crowd import Crowd
from tests.faults.stack import Stack, running_stack


@pytest.fixture(scope="session")
def whole_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(whole_stack: Stack) -> Stack:
    """Everything that may be broken, whole again after whatever a test before did to it."""
    whole_stack.mend()
    return whole_stack


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with Crowd() as crowd:
        yield crowd
