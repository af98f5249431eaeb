"""Filling in what senders say about a series later than with its first sample: its kind, its unit and its help."""

from __future__ import annotations

from collections.abc import Mapping

from metrics.series.bulk import describe_series
from metrics.series.models import Series
from metrics.series.progress import Row
from metrics.series.readings import Reading


def complete(rows: Mapping[int, Row], readings: Mapping[int, Reading]) -> None:
    """Fill in what nobody said before; what is known stays. The rows, by the ids of their series, are held."""
    told = [news for pk, reading in readings.items() if (news := _told(rows[pk], reading))]
    if told:
        describe_series(told)


def _told(row: Row, reading: Reading) -> tuple[str, str, str, int] | None:
    kind = reading.kind if row.kind == Series.Kind.UNKNOWN else row.kind
    unit, text = row.unit or reading.unit, row.help or reading.help
    known = (row.kind, row.unit, row.help)
    return None if (kind, unit, text) == known else (kind, unit, text, row.id)
