"""What a sender can do wrong, and what he is told."""

from __future__ import annotations


class Problem(Exception):
    """A request that is refused: an HTTP status and a sentence for the sender. Nothing of it is stored."""

    def __init__(self, status: int, message: str, *, close: bool = False, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if close:
            self.headers["connection"] = "close"
