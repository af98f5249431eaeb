"""What is sent when a topic goes from one state to the next.

Everything here is pure: states in, fragments out. A fragment says where it goes (hx-target) and how (hx-swap), so
several fit into one frame, and applying one twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from live.push.topics import Log, Part, Region, State
from live.push.writers import Frame

Printer = Callable[[Part], str]
MANY = 16
"""Parts of one container that change at once, above which it is filled anew: an outbox holds 64 fragments."""
CHUNK = 50
"""Log items that travel as one fragment when many come at once, so that a burst cannot overflow an outbox."""


@dataclass(frozen=True, slots=True, eq=False)
class Fragment:
    """A piece of a frame. A newer fragment with the same `key` takes the place of an older one that still waits.

    `texts` are the pieces as sent: one of HTML, or any number of JSON objects. Compared by identity: sockets that
    await the same objects share one encoded frame.
    """

    key: str
    texts: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.texts))


class Batch:
    """Fragments that go out together: one object for all sockets that await them, so that its frame is made once."""

    __slots__ = ("fragments", "frames", "size")

    def __init__(self, fragments: Iterable[Fragment]) -> None:
        self.fragments = tuple(fragments)
        self.size = sum(fragment.size for fragment in self.fragments)
        self.frames: list[Frame] = []
        """As encoded by the first flush that sends it."""

    def __bool__(self) -> bool:
        return bool(self.fragments)


def merge(batches: Iterable[Batch]) -> Batch:
    """One batch of several, oldest first. A fragment takes the place of an older one with the same key."""
    newest: dict[str, Fragment] = {}
    for batch in batches:
        for fragment in batch.fragments:
            newest.pop(fragment.key, None)
            newest[fragment.key] = fragment
    return Batch(newest.values())


def addressed(target: str, swap: str, html: str) -> str:
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


def html_fragment(target: str, swap: str, html: str, *, key: str = "") -> Fragment:
    return Fragment(key or target, (addressed(target, swap, html),))


def emptied(containers: Iterable[str]) -> Batch:
    return Batch(html_fragment(target, "innerHTML", "") for target in containers)


class HtmlChanges:
    """Fragments for pages."""

    def __init__(self, html: Printer) -> None:
        self.html = html

    def snapshot(self, state: State) -> list[Fragment]:
        """Everything, for a page that may show anything."""
        return [fragment for region in state.regions for fragment in self._whole(region)]

    def between(self, old: State, new: State) -> list[Fragment]:
        pairs = zip(old.regions, new.regions, strict=True)
        return [fragment for before, after in pairs for fragment in self._change(before, after)]

    def _whole(self, region: Region | Log) -> Iterator[Fragment]:
        if region.target:
            yield html_fragment(region.target, "innerMorph", self._join(region.parts))
        else:
            yield from map(self._morph, region.parts)

    def _change(self, before: Region | Log, after: Region | Log) -> Iterable[Fragment]:
        if isinstance(after, Log):
            return self._log(before, after)
        if after.target and _ids(before.parts) != _ids(after.parts):
            return self._whole(after)
        known = {part.id: part for part in before.parts}
        changed = [part for part in after.parts if part != known.get(part.id)]
        if after.target and len(changed) > MANY:
            return self._whole(after)
        return map(self._morph, changed)

    def _log(self, before: Region | Log, after: Log) -> Iterable[Fragment]:
        if after.changed is not None:
            return self._grown(after)
        return [] if before.parts == after.parts else self._whole(after)

    def _grown(self, log: Log) -> Iterator[Fragment]:
        changed = log.changed or ()
        step = 1 if len(changed) <= CHUNK else CHUNK
        for start in range(0, len(changed), step):
            chunk = changed[start : start + step]
            yield html_fragment(log.target, "upsert", self._join(chunk), key=f"{log.target} {chunk[0].id}")

    def _morph(self, part: Part) -> Fragment:
        return html_fragment(f"#{part.id}", "outerMorph", self.html(part))

    def _join(self, parts: Iterable[Part]) -> str:
        return "".join(map(self.html, parts))


class JsonChanges:
    """Events for programs: what is new or different, each as an object of its own."""

    def __init__(self, json: Printer) -> None:
        self.json = json

    def snapshot(self, state: State) -> list[Fragment]:
        """The present state; the history of a log is not news."""
        parts = [part for region in state.regions if isinstance(region, Region) for part in region.parts]
        return self._events(parts)

    def between(self, old: State, new: State) -> list[Fragment]:
        known = [part for region in old.regions for part in region.parts if part.event]
        parts: list[Part] = []
        for region in new.regions:
            parts += [part for part in _newest(region) if part.event and part not in known]
        return self._events(parts)

    def _events(self, parts: Iterable[Part]) -> list[Fragment]:
        told = [(part.id, text) for part in parts if (text := self.json(part))]
        if len(told) <= CHUNK:
            return [Fragment(key, (text,)) for key, text in told]
        chunks = (told[start : start + CHUNK] for start in range(0, len(told), CHUNK))
        return [Fragment(f"{chunk[0][0]} and on", tuple(text for _key, text in chunk)) for chunk in chunks]


def _newest(region: Region | Log) -> Iterable[Part]:
    if isinstance(region, Region):
        return region.parts
    if region.changed is not None:
        return region.changed
    both = {part.id: part for part in (*region.news, *region.parts)}
    return both.values()


def _ids(parts: Iterable[Part]) -> list[str]:
    return [part.id for part in parts]
