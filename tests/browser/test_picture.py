"""The picture in README.md: a board as it looks after a busy minute.

`PICTURE=docs/board.png python -m pytest tests/browser/test_picture.py` takes it anew.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import time
from pathlib import Path

import httpx
from playwright.sync_api import expect

from tests.servers.watchfloor import Watchfloor

SIZE = {"width": 1280, "height": 800}
# metric, options of add_kpi, and the value of the nth of sixty samples
METRICS = [
    ("checkout.errors", "--name 'Checkout errors' --unit % --warn 1 --critical 2", lambda n: 0.4 + 4.4 * (n / 59) ** 9),
    ("orders", "--name Orders --unit /min", lambda n: 1180 + 60 * math.sin(n / 7) + 20 * math.sin(n)),
    ("latency", "--name 'API latency' --unit ms --warn 300 --critical 400", lambda n: 250 + 80 * (n / 59) ** 2 + n % 5),
    ("revenue", "--name 'Revenue today' --unit EUR", lambda n: 1_284_000 + 310 * n),
]
SAID = [
    ("alice", "Deploy 3.18.2 is out on all nodes."),
    ("bob", "Looking. Only card payments through B."),
    ("charlie", "Latency follows the retries; it should fall with them."),
]


def feed(server: Watchfloor) -> None:
    """Sixty samples for each metric, one every five seconds."""
    now, headers = time.time(), {"Authorization": f"Bearer {server.source_token('shop')}"}
    for metric, _options, value in METRICS:
        samples = [{"metric": metric, "value": value(n), "ts": now - 5 * (59 - n)} for n in range(60)]
        httpx.post(f"{server.url}/api/samples", content=json.dumps(samples), headers=headers).raise_for_status()


def arrange(server: Watchfloor) -> None:
    """The tiles of these metrics at the front of the board."""
    for metric, options, _value in METRICS:
        server.manage("add_kpi", metric, *shlex.split(options))
    server.shell(
        "from metrics.boards.models import Board, BoardTile\n"
        "from metrics.boards.verbs import reorder\n"
        "board = Board.objects.get(slug='main')\n"
        "tiles = list(BoardTile.objects.filter(board=board).order_by('position').values_list('kpi_id', flat=True))\n"
        f"reorder(board, tiles[-{len(METRICS)}:] + tiles[:-{len(METRICS)}])"
    )


def people(server: Watchfloor) -> None:
    server.shell(
        "from django.contrib.auth.models import User\n"
        "from live.announcements.models import Announcement\n"
        "from live.announcements.verbs import announce\n"
        "from live.chat.models import Room\n"
        "from live.chat.verbs import post_message\n"
        "room = Room.objects.get(slug='general')\n"
        f"for name, words in {SAID!r}:\n"
        "    user, _made = User.objects.get_or_create(username=name)\n"
        "    post_message(room, user, words)\n"
        "notice = Announcement(title='Maintenance tonight 22:00 to 22:20 UTC', severity='warning',\n"
        "                      text='Database failover test. Payments may pause for up to 40 s.')\n"
        "announce(notice, User.objects.get(username='alice'))"
    )


def test_a_board_in_the_middle_of_a_day(server, visitor, tmp_path):
    arrange(server)
    people(server)
    who = visitor(server, "alice", viewport=SIZE, color_scheme="dark")
    feed(server)
    page = who.open("/")
    expect(page.locator("#tile-checkout-errors.tile-crit")).to_be_visible()
    expect(page.locator("#banner").get_by_text("Maintenance tonight")).to_be_visible()
    expect(page.get_by_text("Only card payments through B.")).to_be_visible()
    picture = Path(os.environ.get("PICTURE") or tmp_path / "board.png")
    page.screenshot(path=picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
