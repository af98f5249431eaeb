"""`manage.py add_source`: a source that Watchfloor fetches, tried before it is kept."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from metrics.sources.models import Pull, Source
from tests.metrics.kpis.arranging import a_source
from tests.servers.processes import free_port
from tests.servers.pulled import pulled_server

pytestmark = pytest.mark.django_db
PAGE = b'# TYPE node_load1 gauge\nnode_load1 0.5\nnode_time_seconds 7\nup{job="a"} 1\n'


@pytest.fixture
def page():
    with pulled_server() as page:
        page.documents["/metrics"] = PAGE
        yield page


@pytest.fixture
def exporter(page):
    return f"{page.url}/metrics"


def add(*arguments) -> str:
    out = StringIO()
    call_command("add_source", "node", "--kind", "scrape", *arguments, stdout=out)
    return out.getvalue()


def test_it_says_what_it_found_and_is_due_at_once(exporter):
    out = add("--url", exporter, "--names", "node_load*", "--interval", "5")
    address = exporter.split("/")[2]
    assert f'such as\n  node_load1 {{instance="{address}", job="node"}} 0.5\n' in out
    assert "node_time_seconds" not in out
    assert out.endswith("source node is fetched every 5 s\n")
    pull = Pull.objects.get(source__name="node", source__kind="scrape")
    assert (pull.url, pull.names, pull.interval_s, pull.due_at) == (exporter, "node_load*", 5, None)


def test_the_secret_comes_from_the_environment_and_is_not_printed(page, exporter, monkeypatch):
    monkeypatch.setenv("SOURCE_SECRET", "hunter2")
    assert "hunter2" not in add("--url", exporter)
    assert [asked.headers["authorization"] for asked in page.asked] == ["Bearer hunter2"]
    assert Pull.objects.get().secret == "hunter2"


def test_what_does_not_answer_is_not_kept():
    address = f"http://127.0.0.1:{free_port()}/metrics"
    with pytest.raises(CommandError, match="Nothing was saved; --untried saves without a trial"):
        add("--url", address)
    assert not Source.objects.filter(name="node").exists()
    assert add("--url", address, "--untried") == "source node is fetched every 15 s\n"
    assert Pull.objects.get().url == address


def test_the_same_name_again_changes_the_source(exporter):
    add("--url", exporter)
    Pull.objects.update(failing_since=timezone.now(), failures=3, due_at=timezone.now())
    add("--url", exporter, "--interval", "60")
    pull = Pull.objects.get()
    assert (pull.interval_s, pull.failures, pull.failing_since, pull.due_at) == (60, 0, None, None)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--url", "ftp://a/"], "url: The address must begin with http"),
        (["--url", "http://a/", "--timeout", "20"], "timeout_s: The time limit must not be longer"),
        (["--url", "http://a/", "--values", "{"], "--values: expected JSON"),
    ],
)
def test_what_is_wrong_is_said(arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        add(*arguments)
    assert not Source.objects.filter(name="node").exists()


def test_a_source_of_another_kind_is_left_alone(exporter):
    a_source("node")
    with pytest.raises(CommandError, match="There is a source node of another kind"):
        add("--url", exporter)
    assert Source.objects.get(name="node").kind == "push"


def test_a_name_that_cannot_be_is_refused(exporter):
    with pytest.raises(CommandError, match="Start with a letter or a digit"):
        call_command("add_source", "no spaces", "--kind", "scrape", "--url", exporter)
