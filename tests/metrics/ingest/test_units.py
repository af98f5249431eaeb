from __future__ import annotations

import pytest

from metrics.ingest.units import shown_unit, unit_in_name

SHOWN = {
    "": "",
    "1": "",
    "By": "B",
    "s": "s",
    "ms": "ms",
    "us": "µs",
    "%": "%",
    "Cel": "°C",
    "{request}": "",
    "{request}/s": "1/s",
    "1/s": "1/s",
    "By/s": "B/s",
    "ms{cpu}": "ms",
    "s/{request}": "s",
    "seconds": "s",
    "bytes": "B",
    "kHz": "kHz",
    "a unit of its own": "",
    "\0": "",
    "x" * 33: "",
}


@pytest.mark.parametrize("text", SHOWN)
def test_units_are_shown_in_few_letters_or_not_at_all(text):
    assert shown_unit(text) == SHOWN[text]


@pytest.mark.parametrize(
    "metric, unit",
    [
        ("wait_seconds", "s"),
        ("wait_seconds_sum", "s"),
        ("wait_seconds_bucket", ""),
        ("cpu_seconds_total", "s"),
        ("heap.bytes", "B"),
        ("seconds", ""),
        ("bytes_of_it", ""),
        ("nanobytes", ""),
    ],
)
def test_a_name_may_end_with_its_unit(metric, unit):
    assert unit_in_name(metric) == unit
