"""The models of the subject packages, where Django looks for them."""

from metrics.boards.models import Board, BoardTile
from metrics.hooks.models import Hooked
from metrics.kpis.models import KPI, RemoteWindow
from metrics.series.models import LateHour, Rollup, Sample, Series
from metrics.sources.models import Lease, Pull, Rejection, Source, SourceToken

__all__ = [
    "KPI",
    "Board",
    "BoardTile",
    "Hooked",
    "LateHour",
    "Lease",
    "Pull",
    "Rejection",
    "RemoteWindow",
    "Rollup",
    "Sample",
    "Series",
    "Source",
    "SourceToken",
]
