from __future__ import annotations

import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from live.clock import now_ms
from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI, Direction
from metrics.kpis.reading import evaluate_all
from metrics.kpis.verbs import make_kpi
from metrics.sources.models import Source


class Command(BaseCommand):
    help = "Show a metric as a tile on a board. The metric need not have been sent yet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("metric", help="the name that the numbers are sent under, such as orders")
        parser.add_argument("--name", default="", help="what the tile is called; else made from the metric")
        parser.add_argument("--unit", default="", help="such as %%, ms, B or B/s; else what the series say")
        parser.add_argument("--board", default="", help="a board's short name; else the default board")
        parser.add_argument("--warn", type=float, help="warn beyond this value")
        parser.add_argument(
            "--critical", type=float, help="critical beyond this value; below it where --warn is the higher one"
        )
        parser.add_argument("--source", default="", help="only what this source sends")
        parser.add_argument(
            "--label", type=_label, action="append", default=[], metavar="NAME=VALUE",
            help="only series with this label; may be given more than once",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        board = _board(options["board"])
        kpi = KPI(
            metric=options["metric"],
            name=options["name"],
            unit=options["unit"],
            source=_source(options["source"]),
            labels=dict(options["label"]),
            warn=options["warn"],
            critical=options["critical"],
            direction=_direction(options["warn"], options["critical"]),
        )
        try:
            with transaction.atomic():
                put_on_board(board, make_kpi(kpi))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"tile {kpi.slug} on board {board.slug}, the sum of {_live(kpi)} live series")


def _board(slug: str) -> Board:
    boards = Board.objects.filter(slug=slug) if slug else Board.objects.filter(is_default=True)
    return boards.first() or _unknown("board", slug or "(default)", Board.objects.values_list("slug", flat=True))


def _source(name: str) -> Source | None:
    if not name:
        return None
    found = Source.objects.filter(name=name).first()
    return found or _unknown("source", name, Source.objects.values_list("name", flat=True))


def _unknown(kind: str, name: str, known: Any) -> Any:
    raise CommandError(f"There is no {kind} {name}. Known: {', '.join(sorted(known)) or 'none'}.")


def _direction(warn: float | None, critical: float | None) -> str:
    falls = warn is not None and critical is not None and critical < warn
    return Direction.BELOW if falls else Direction.ABOVE


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r}: expected NAME=VALUE, such as region=eu")
    return name, value


def _live(kpi: KPI) -> int:
    return evaluate_all([kpi], now_ms())[kpi.pk].live
