"""The JSON of a body, and the sentences for what is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from metrics.ingest.problems import Problem


def parse(body: bytes, expected: str, *, object_hook: Callable[[dict], Any] | None = None) -> Any:
    """What the body holds. Raises Problem (400); `expected` is what the sentence names when it nests too deep."""
    try:
        return json.loads(body.decode("utf-8-sig"), object_hook=object_hook)
    except UnicodeDecodeError as error:
        fault = f"expected UTF-8, byte {error.start} is not"
    except json.JSONDecodeError as error:
        fault = f"expected JSON, {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        fault = f"expected {expected}, got a deeper nesting"
    except ValueError:
        fault = "expected finite numbers, got one of thousands of digits"
    raise Problem(400, f"body: {fault}")
