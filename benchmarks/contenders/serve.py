"""Serve an application as `manage.py serve` serves Watchfloor: python -m benchmarks.contenders.serve MODULE PORT"""

from __future__ import annotations

import sys
from importlib import import_module

from dashboard_site.listening import listening
from dashboard_site.server import Server, configuration


async def stay(seconds: float) -> None:
    """What is measured is not drained."""


module, port = sys.argv[1:]
application = import_module(module).application
with listening("127.0.0.1", int(port), shared=True) as listener:
    Server(configuration(application), stay).run(sockets=[listener])
