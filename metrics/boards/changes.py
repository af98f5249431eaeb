"""What new samples mean for boards."""

from __future__ import annotations

from live.push.signals import publish
from metrics.boards.arrivals import NAME as ARRIVALS
from metrics.boards.models import Board
from metrics.kpis.matching import among, bind_missing
from metrics.series.storing import Stored


def announce(stored: Stored) -> None:
    """Bind new series to the KPIs that they match, and publish the boards that show what changed.

    Call it after the commit that stored the samples. Two queries when nothing has to be bound.
    """
    if not stored.touched:
        return
    bind_missing(stored.touched | stored.created)
    shown = Board.objects.filter(among("kpis__series", stored.touched), kpis__series__isnull=False)
    boards = [f"board.{slug}" for slug in shown.order_by().values_list("slug", flat=True).distinct()]
    publish(*boards, *([ARRIVALS] if stored.created else []))
