"""The JSON of a body, and the sentences for what is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from metrics.ingest.problems import Problem
from metrics.sentences import placed
from metrics.sentences import sentence as _


def parse(body: bytes, expected: str, *, object_hook: Callable[[dict], Any] | None = None) -> Any:
    """What the body holds. Raises Problem (400); `expected` is what the sentence names when it nests too deep."""
    try:
        return json.loads(body.decode("utf-8-sig"), object_hook=object_hook)
    except UnicodeDecodeError as error:
        fault = _("expected UTF-8, byte %(n)d is not", n=error.start)
    except json.JSONDecodeError as error:
        said = {"fault": error.msg, "line": error.lineno, "column": error.colno}
        fault = _("expected JSON, %(fault)s at line %(line)d, column %(column)d", **said)
    except RecursionError:
        fault = _("expected %(what)s, got a deeper nesting", what=expected)
    except ValueError:
        fault = _("expected finite numbers, got one of thousands of digits")
    raise Problem(400, placed("body", fault))
