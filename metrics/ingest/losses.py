"""What a call did not bring in, told to the page of its source."""

from __future__ import annotations

from metrics.ingest.calls import Outcome, Reason, Sender, Taken
from metrics.ingest.naming import clipped
from metrics.ingest.problems import Problem
from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.readings import Identity
from metrics.sources.rejections import note

OURS = 500


def note_losses(sender: Sender, taken: Taken, outcome: Outcome) -> None:
    if taken.rejected:
        note(sender.id, taken.rejected, taken.error)
    if outcome.refused:
        example = placed(_spelled(outcome.example), _("refused, the source has as many series as it may"))
        note(sender.id, {Reason.SERIES_LIMIT: outcome.refused}, example)
    if outcome.too_old:
        note(sender.id, {Reason.TOO_OLD: outcome.too_old}, _("samples are older than what is kept in full"))
    if outcome.duplicates:
        note(sender.id, {Reason.DUPLICATE: outcome.duplicates}, "")


def note_problem(sender: Sender, problem: Problem) -> None:
    """A body of which nothing is taken counts as one sample: nobody knows how many it held. Overload is no loss."""
    if sender.id and problem.status < OURS:
        reason = Reason.UNSUPPORTED if problem.status == 415 else Reason.MALFORMED
        note(sender.id, {reason: 1}, problem.message)


def _spelled(series: Identity | None) -> str:
    if series is None:
        return ""
    labels = ", ".join(f'{name}="{clipped(value)}"' for name, value in series.labels)
    return f"{series.metric}{{{labels}}}"
