"""What is done with boards. Each verb is one transaction, gives the board a new version and publishes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from metrics.boards.models import Board, BoardTile
from metrics.kpis.models import KPI
from metrics.kpis.naming import described, save_with_slug, slugs
from metrics.kpis.verbs import make_kpi
from metrics.sources.models import Source

SETTINGS = ["name", "room", "position", "access"]


def save_board(board: Board) -> None:
    """Store a new board or the settings of one; its short name stays as it is. Raises ValidationError."""
    with transaction.atomic():
        if board.pk is None:
            _add(board)
        else:
            board.full_clean(exclude=["slug"])
            Board.objects.filter(pk=board.pk).changed()
            board.save(update_fields=SETTINGS)


def remove_board(board: Board) -> None:
    """Delete the board; its KPIs stay. Raises ValidationError for the default board."""
    with transaction.atomic():
        if _locked(board).is_default:
            raise ValidationError(_("This is the default board. Make another one the default first."), code="default")
        Board.objects.filter(pk=board.pk).changed()
        board.delete()


def make_default(board: Board) -> None:
    """Let the address / show this board."""
    with transaction.atomic():
        both = Board.objects.filter(is_default=True) | Board.objects.filter(pk=board.pk)
        both.changed()
        Board.objects.filter(is_default=True).update(is_default=False)
        Board.objects.filter(pk=board.pk).update(is_default=True)


def put_on_board(board: Board, kpi: KPI, *, position: int | None = None) -> BoardTile:
    """Show the KPI on the board, at the end unless `position` says where; a KPI that is there already stays."""
    with transaction.atomic():
        Board.objects.filter(pk=board.pk).changed()
        last = board.tiles.aggregate(last=Max("position"))["last"]
        place = position if position is not None else 0 if last is None else last + 1
        return BoardTile.objects.get_or_create(board=board, kpi=kpi, defaults={"position": place})[0]


def take_off_board(board: Board, kpi: KPI) -> None:
    with transaction.atomic():
        Board.objects.filter(pk=board.pk).changed()
        board.tiles.filter(kpi=kpi).delete()


def reorder(board: Board, kpis: Sequence[int]) -> None:
    """Put the tiles of these KPIs (ids) first, in this order; the others follow as they were."""
    with transaction.atomic():
        Board.objects.filter(pk=board.pk).changed()
        place = {kpi: number for number, kpi in enumerate(kpis)}
        tiles = sorted(board.tiles.all(), key=lambda tile: place.get(tile.kpi_id, len(place)))
        for position, tile in enumerate(tiles):
            tile.position = position
        BoardTile.objects.bulk_update(tiles, ["position"])


def remove_source(source: Source) -> None:
    """Delete the source with all that it has sent. Raises ProtectedError while a KPI is made for it alone."""
    with transaction.atomic():
        Board.objects.filter(kpis__series__source=source).changed()
        source.delete()


def make_tile(
    board: Board, metric: str, *, source: Source | None = None, labels: Mapping[str, str] | None = None
) -> KPI:
    """Show a metric on the board, as a KPI of its own; the one that does so already, if there is one.

    `source` and `labels` narrow it down to some of its series. Raises ValidationError.
    """
    wanted = dict(labels or {})
    with transaction.atomic():
        Board.objects.filter(pk=board.pk).changed()
        # The board is locked, so two people who press the button together make one tile.
        there = board.kpis.filter(metric=metric, source=source, labels=wanted).first()
        if there:
            return there
        kpi = make_kpi(KPI(metric=metric, name=described(metric, wanted), source=source, labels=wanted))
        put_on_board(board, kpi)
        return kpi


def _add(board: Board) -> None:
    if board.slug:
        board.full_clean()
        board.save()
    else:
        board.full_clean(exclude=["slug"])
        save_with_slug(board, slugs(board.name, fallback="board"))


def _locked(board: Board) -> Board:
    return Board.objects.select_for_update().get(pk=board.pk)
