from __future__ import annotations

from metrics.recent import Recent


def filled(*keys, budget=80, size=10):
    recent = Recent(budget)
    for key in keys:
        recent.put(key, f"value of {key}", size)
    return recent


def test_what_was_put_is_found():
    assert filled("a").get("a") == "value of a"
    assert filled("a").get("b") is None


def test_half_of_the_budget_is_always_kept():
    recent = filled(*range(100), size=1)
    assert [recent.get(key) for key in range(60, 100)] == [f"value of {key}" for key in range(60, 100)]


def test_never_more_than_the_budget_is_kept():
    recent = Recent(80)
    for key in range(1_000):
        recent.put(key, "", 10)
        assert len(recent) <= 8


def test_what_is_asked_for_stays_and_the_rest_goes():
    recent = filled("loved", "forgotten")
    for key in range(100):
        recent.put(key, "", 10)
        assert recent.get("loved") == "value of loved"
    assert recent.get("forgotten") is None


def test_what_would_push_out_too_much_is_not_kept():
    assert filled("a", size=10).get("a")
    assert filled("a", size=11).get("a") is None
