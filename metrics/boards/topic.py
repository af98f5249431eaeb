"""A board as pages watch it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Concat

from live.people import Audience
from live.push.topics import Context, Part, Region, State, Topic, register
from metrics.boards.models import Board, BoardTile
from metrics.boards.tiles import Title, sum_up, tile_parts
from metrics.kpis.evaluation import Evaluation
from metrics.kpis.models import KPI
from metrics.kpis.reading import evaluate_all


@register
class BoardTopic(Topic):
    """Its key is the board's slug."""

    kind = "board"

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return Board.objects.filter(slug__in=keys).audiences()

    @classmethod
    def versions(cls, keys: Iterable[str]) -> QuerySet:
        boards = Board.objects.filter(slug__in=keys).order_by().with_version()
        topic = Concat(Value("board."), F("slug"), output_field=TextField())
        return boards.annotate(topic=topic).values("topic", "at_version")

    def load(self, context: Context, known: State | None) -> State | None:
        # The version is read first: what is committed after it is found by healing, and loaded again.
        board = Board.objects.filter(slug=self.key).with_version().first()
        if board is None:
            return None
        kpis = [tile.kpi for tile in BoardTile.objects.filter(board=board).select_related("kpi")]
        found = evaluate_all(kpis, context.now)
        return State(board.at_version, _regions(board, kpis, found), _next_change(found.values()))


def _regions(board: Board, kpis: Sequence[KPI], found: Mapping[int, Evaluation]) -> tuple[Region, ...]:
    title = Title(board.slug, board.name)
    tiles = tile_parts(kpis, found)
    verdict = sum_up([part.data for part in tiles])
    empty = (Part("board-empty", "metrics/_board_empty.html", "board", title),)
    return (
        Region("#tiles", tiles or empty),
        Region("", (Part("board-verdict", "metrics/_verdict.html", "verdict", verdict),)),
        Region("", (Part("board-title", "metrics/_board_title.html", "board", title),)),
    )


def _next_change(found: Iterable[Evaluation]) -> int | None:
    return min((one.next_change_at for one in found if one.next_change_at is not None), default=None)
