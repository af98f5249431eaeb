"""remote_write 2.0: io.prometheus.write.v2.Request. Texts are in one table; series refer to it by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from metrics.ingest.calls import Call, Taken
from metrics.ingest.families import Description, of_series, said_of
from metrics.ingest.known import KNOWN, Known
from metrics.ingest.messages import prometheus_2
from metrics.ingest.naming import LABELS, BadLabels, BadName
from metrics.ingest.problems import Problem
from metrics.ingest.remote_write_intake import Intake
from metrics.ingest.wire import Walk, bounded, tag
from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.readings import Identity

SYMBOLS, TIME_SERIES = tag(4), tag(5)
MOST_REFERENCES = 2 * (LABELS + 1)
TimeSeries: Any = prometheus_2["TimeSeries"]


def take(body: bytes, call: Call) -> Taken:
    """What a Request brings. Raises Problem, wire.Malformed and wire.TooMuch."""
    fields = Walk().fields(body)
    symbols = _symbols(fields[SYMBOLS])
    intake = Intake(call)
    for intake.at, piece in enumerate(fields[TIME_SERIES]):
        try:
            _take_series(intake, TimeSeries.FromString(bounded(piece)), symbols)
        except DecodeError as error:
            raise Problem(400, placed(f"timeseries[{intake.at}]", str(error))) from None
        except IndexError:
            fault = _("expected references below %(n)d, which is how many symbols there are", n=len(symbols))
            raise Problem(400, placed(f"timeseries[{intake.at}]", fault)) from None
    return intake.taken


def _symbols(pieces: Sequence[bytes]) -> list[str]:
    symbols = []
    for index, piece in enumerate(pieces):
        try:
            symbols.append(piece.decode())
        except UnicodeDecodeError:
            raise Problem(400, placed(f"symbols[{index}]", _("expected UTF-8"))) from None
    if symbols and symbols[0]:
        raise Problem(400, placed("symbols[0]", _("expected an empty text, as the specification has it")))
    return symbols


def _take_series(intake: Intake, series: Any, symbols: Sequence[str]) -> None:
    """Raises IndexError for a reference beyond the symbols."""
    references, metadata = series.labels_refs, series.metadata
    if len(references) % 2:
        fault = _("expected pairs, got %(n)d references", n=len(references))
        raise Problem(400, placed(f"timeseries[{intake.at}].labels_refs", fault))
    texts = tuple([symbols[reference] for reference in references[:MOST_REFERENCES]])
    said = (metadata.type, symbols[metadata.unit_ref], symbols[metadata.help_ref]) if metadata else None
    key = (intake.sender, texts, said)
    known = intake.meetings.known(key)
    if known is None:
        try:
            known = _read(intake, texts, len(references), said)
        except (BadName, BadLabels) as fault:
            intake.refuse(fault, series)
            return
        KNOWN.put(key, known, 400 + sum(60 + 2 * len(text) for text in texts))
    intake.take(known, series)


def _read(intake: Intake, texts: Sequence[str], count: int, said: tuple[int, str, str] | None) -> Known:
    if count > MOST_REFERENCES:
        fault = _("expected at most %(most)d labels, got %(n)d", most=LABELS, n=count // 2 - 1)
        raise BadLabels(placed(f"timeseries[{intake.at}].labels", fault))
    identity = intake.series(list(zip(texts[::2], texts[1::2], strict=True)))
    return Known(identity, _description(identity, said))


def _description(identity: Identity, said: tuple[int, str, str] | None) -> Description:
    return of_series(identity.metric, *said) if said else said_of(identity.source, identity.metric)
