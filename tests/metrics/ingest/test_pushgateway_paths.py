from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest.problems import Problem
from metrics.ingest.pushgateway import PATHS, group_of


def problem(path):
    with pytest.raises(Problem) as error:
        group_of(path)
    assert error.value.status == 400
    return error.value.message


@pytest.mark.parametrize(
    "path, labels",
    [
        ("/metrics/job/backup", {"job": "backup"}),
        ("/metrics/job/backup/", {"job": "backup"}),
        ("/metrics/job@base64/YS9i", {"job": "a/b"}),
        ("/metrics/job%40base64/YS9i", {"job": "a/b"}),
        ("/metrics/job/a%2Fb", {"job": "a/b"}),
        ("/metrics/job/night%20run/host/db%201", {"job": "night run", "host": "db 1"}),
        ("/metrics/job/a+b", {"job": "a+b"}),
        ("/metrics/job/a/empty@base64/=", {"job": "a", "empty": ""}),
        ("/metrics/job/a/empty@base64/%3D", {"job": "a", "empty": ""}),
        ("/metrics/job/a/path@base64/L3Zhci90bXA=", {"job": "a", "path": "/var/tmp"}),
        ("/metrics/job/a/path@base64/L3Zhci90bXA", {"job": "a", "path": "/var/tmp"}),
        ("/metrics/job/a/odd@base64/-_8", {"job": "a", "odd": None}),
        ("/metrics/job/%D0%B0", {"job": "а"}),
    ],
)
def test_a_path_is_split_before_it_is_decoded(path, labels):
    assert PATHS.fullmatch(path)
    if None in labels.values():
        assert "expected URL-safe base64 of UTF-8 as the value of odd" in problem(path)
    else:
        assert group_of(path) == labels


VALUES = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)


@given(labels=st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), VALUES, max_size=4))
def test_any_value_comes_through_base64(labels):
    labels = {"job": "j"} | {name: value for name, value in labels.items() if name != "job"}
    encoded = {name: urlsafe_b64encode(value.encode()).decode() or "=" for name, value in labels.items()}
    assert group_of("/metrics" + "".join(f"/{name}@base64/{text}" for name, text in encoded.items())) == labels


@pytest.mark.parametrize(
    "path, sentence",
    [
        ("/metrics/job/a/host", "one is without its value"),
        ("/metrics/job/a/host/b/c", "one is without its value"),
        ("/metrics/job/a/x-y/1", "expected a label of letters, digits and underscores, got 'x-y'"),
        ("/metrics/job/a/__x/1", "got '__x'"),
        ("/metrics/job/a//1", "got ''"),
        ("/metrics/job//", "expected the name of a job"),
        ("/metrics/job@base64/=", "expected the name of a job"),
        ("/metrics/job@base64/%%%", "expected URL-safe base64"),
        ("/metrics/job@base64/YQ!", "expected URL-safe base64"),
        ("/metrics/job/%FF", "expected UTF-8"),
        ("/metrics/job/a/host/1/host/2", "got host twice"),
        ("/metrics/job/a/job/b", "got job twice"),
        ("/metrics/job/" + "a" * 1025, "expected at most 1024 characters"),
        ("/metrics/job/a%00", "without control characters"),
    ],
)
def test_a_bad_path_is_refused_with_a_sentence(path, sentence):
    assert sentence in problem(path)


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics/jobs/a", "/metrics/job", "/metrics/other/job/a"])
def test_other_paths_are_not_ours(path):
    assert not PATHS.fullmatch(path)
