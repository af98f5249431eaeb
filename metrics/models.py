"""The models of the subject packages, where Django looks for them."""

from metrics.boards.models import Board, BoardTile
from metrics.hooks.models import Hooked
from metrics.kpis.models import KPI
from metrics.series.models import Rollup, Sample, Series
from metrics.sources.models import Lease, Pull, Rejection, Source, SourceToken

__all__ = [
    "KPI",
    "Board",
    "BoardTile",
    "Hooked",
    "Lease",
    "Pull",
    "Rejection",
    "Rollup",
    "Sample",
    "Series",
    "Source",
    "SourceToken",
]
