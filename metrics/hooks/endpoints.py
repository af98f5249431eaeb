"""The addresses that webhooks are sent to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from live.clock import from_ms
from metrics.hooks import alertmanager, generic, grafana
from metrics.hooks.alerts import Alert
from metrics.hooks.verbs import STANDING, Told, tell
from metrics.ingest.calls import MIB, Answer, Call, Endpoint, Outcome, Reason, Taken
from metrics.sentences import placed
from metrics.sentences import sentence as _


@dataclass(slots=True)
class Hook(Taken):
    """No samples, but announcements that are stored already."""

    told: Told = field(default_factory=Told)


def _hook(name: str, paths: str, read: Callable[[Call], list[Alert]]) -> Endpoint:
    def take(call: Call) -> Taken:
        hook = Hook(told=tell(call.sender, read(call), from_ms(call.now)))
        if left_out := hook.told.left_out:
            fault = _("not announced, since %(most)d announcements of the source stand already", most=STANDING)
            hook.reject(Reason.NO_ROOM, placed(left_out[0].title, fault), len(left_out))
        return hook

    return Endpoint(name, re.compile(paths), ("POST", "PUT"), take, _answer, largest=MIB, unpacked=MIB)


def _answer(taken: Taken, _outcome: Outcome) -> Answer:
    told = taken.told if isinstance(taken, Hook) else Told()
    counts = {"announced": told.announced, "ended": told.ended}
    if told.left_out:
        counts["left_out"] = len(told.left_out)
    return Answer(200, json.dumps(counts).encode() + b"\n", {"Content-Type": "application/json"})


ENDPOINTS = (
    _hook("hook_alertmanager", "/hooks/alertmanager/?", alertmanager.read),
    _hook("hook_grafana", "/hooks/grafana/?", grafana.read),
    _hook("hook_json", "/hooks/json(?:/.*)?", generic.read),
)
