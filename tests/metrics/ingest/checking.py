"""What holds for every format, whatever was sent."""

from __future__ import annotations

import math
import time
from types import ModuleType

from metrics.ingest.calls import Call, Outcome, Taken
from metrics.ingest.naming import FUTURE_MS, UNFIT, fit_labels, fit_metric
from metrics.ingest.problems import Problem


def assert_sound(module: ModuleType, call: Call) -> bool:
    """Refused with a sentence, or taken so that it can be stored; within a second. Whether it was taken."""
    taken, took_s = _timed(module, call)
    if took_s >= 1:  # Python may have collected its garbage meanwhile; what is slow is so each time.
        taken, took_s = _timed(module, call)
    assert took_s < 1
    if isinstance(taken, Problem):
        assert taken.status in (400, 413, 415)
        assert not UNFIT.search(taken.message), taken.message
        return False
    for reading in taken.readings:
        assert math.isfinite(reading.value)
        assert isinstance(reading.value, float)
        assert len(reading.unit) <= 32
        assert not UNFIT.search(reading.unit + reading.help)
    for identity, ts in [*((each.identity, each.ts) for each in taken.readings), *taken.ended]:
        assert call.oldest <= ts <= call.now + FUTURE_MS
        assert identity.source == call.sender.id
        assert fit_metric(identity.metric)
        assert fit_labels(dict(identity.labels)) == identity.labels
    assert all(count > 0 for count in taken.rejected.values())
    assert not UNFIT.search(taken.error), taken.error
    assert bool(taken.rejected) == bool(taken.error)
    assert module.answer(taken, Outcome(new=len(taken.readings))).status in (200, 204, 400)
    return True


def _timed(module: ModuleType, call: Call) -> tuple[Taken | Problem, float]:
    started = time.thread_time()
    return _taken(module, call), time.thread_time() - started


def _taken(module: ModuleType, call: Call) -> Taken | Problem:
    try:
        return module.take(call)
    except Problem as problem:
        return problem
