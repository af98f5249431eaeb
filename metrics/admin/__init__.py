"""Django admin of KPIs, boards, sources and their tokens. It writes through verbs, so that open pages see it."""

from metrics.admin.boards import BoardAdmin
from metrics.admin.kpis import KPIAdmin
from metrics.admin.series import SeriesAdmin
from metrics.admin.sources import SourceAdmin
from metrics.admin.tokens import SourceTokenAdmin

__all__ = ["BoardAdmin", "KPIAdmin", "SeriesAdmin", "SourceAdmin", "SourceTokenAdmin"]
