"""Serve the wall on the port that is the first argument, as `manage.py serve` serves Watchfloor."""

from __future__ import annotations

import sys

from benchmarks.contenders.wall.asgi import application, runtime
from dashboard_site.listening import listening
from dashboard_site.server import Server, configuration

with listening("127.0.0.1", int(sys.argv[1]), shared=True) as listener:
    Server(configuration(application), runtime.drain).run(sockets=[listener])
