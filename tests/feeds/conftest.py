from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.console import Console
from tests.feeds.siege import Siege, besieged
from tests.servers.watchfloor import Watchfloor


@pytest.fixture(scope="session")
def console(shared_server: Watchfloor) -> Iterator[Console]:
    """A Django shell beside the shared server: a management command of its own would take seconds to start."""
    with Console(shared_server) as console:
        console.run(
            "from django.core.management import call_command\n"
            "from metrics.sources.models import Source\n"
            "from metrics.sources.tokens import make_source_token"
        )
        yield console


@pytest.fixture(scope="session")
def token_of(console: Console):
    """`token_of(name)`: a new token of the source of this name."""
    return lambda name: console.run(f"print(make_source_token(Source.objects.ensure({name!r}, 'push')))")


@pytest.fixture(scope="session")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    """At its end everything has to stand: the server, its memory, its log, and what the program knows as stored."""
    with besieged(tmp_path_factory.mktemp("siege")) as siege:
        yield siege
