"""What a sender can do wrong, and what he is told."""

from __future__ import annotations

from metrics.sentences import placed
from metrics.sentences import sentence as _


class Problem(Exception):
    """A request that is refused: an HTTP status and a sentence for the sender. Nothing of it is stored."""

    def __init__(self, status: int, message: str, *, close: bool = False, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if close:
            self.headers["connection"] = "close"


def stranger(message: str) -> Problem:
    return Problem(401, message, www_authenticate='Bearer realm="watchfloor"')


def come_again(message: str) -> Problem:
    """503 and never 429: many senders drop what is answered with 429."""
    return Problem(503, f"{message}; send it again", retry_after="1")


def too_large(largest: int, how: str = "", *, close: bool = False) -> Problem:
    """`how` is a sentence: when the bytes are counted."""
    limit = _("%(most)d bytes %(how)s", most=largest, how=how) if how else _("%(most)d bytes", most=largest)
    fault = _("expected at most %(limit)s; send the samples in several requests", limit=limit)
    return Problem(413, placed("body", fault), close=close)
