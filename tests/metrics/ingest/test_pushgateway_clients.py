from __future__ import annotations

import gzip
from base64 import b64encode
from urllib.error import HTTPError

import httpx
import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler


@pytest.fixture(scope="module")
def gateway(shared_server):
    """The address of a real server, a handler that shows its token, and the token."""
    token = shared_server.source_token("jobs")

    def handler(url, method, timeout, headers, data):
        return basic_auth_handler(url, method, timeout, headers, data, "anybody", token)

    return shared_server, handler, token


def stored(server, job):
    code = (
        "from metrics.series.models import Series, Sample\n"
        f"for s in Series.objects.filter(labels__job={job!r}).exclude(name__startswith='push_').order_by('name'):\n"
        "    live = s.stale_at is None or s.stale_at < s.last_ts\n"
        "    print(s.name, sorted(s.labels.items()), Sample.objects.filter(series=s).latest('ts').value, live)"
    )
    return server.shell(code).splitlines()


def test_prometheus_client_pushes_adds_and_deletes(gateway):
    server, handler, _token = gateway
    job = "night run/1"
    registry = CollectorRegistry()
    Gauge("duration_seconds", "How long.", registry=registry).set(12.5)
    files = Counter("files", "Files.", ["kind"], registry=registry)
    files.labels("new").inc(3)
    files.labels("old").inc(1)
    push_to_gateway(server.url, job=job, registry=registry, grouping_key={"host": "", "disk": "a b"}, handler=handler)
    labels = "('disk', 'a b'), ('job', 'night run/1')"
    expected = [
        f"duration_seconds [{labels}] 12.5 True",
        f"files_total [{labels}, ('kind', 'new')] 3.0 True",
        f"files_total [{labels}, ('kind', 'old')] 1.0 True",
    ]
    assert [line for line in stored(server, job) if "_created" not in line] == expected

    files.remove("old")
    grouping = {"host": "", "disk": "a b"}
    more = CollectorRegistry()
    Counter("files", "Files.", ["kind"], registry=more).labels("new").inc(4)
    pushadd_to_gateway(server.url, job=job, registry=more, grouping_key=grouping, handler=handler)
    assert [line for line in stored(server, job) if "_created" not in line] == [
        expected[0],
        expected[1].replace("3.0", "4.0"),
        expected[2].replace("True", "False"),
    ]

    delete_from_gateway(server.url, job=job, grouping_key=grouping, handler=handler)
    assert all(line.endswith("False") for line in stored(server, job))


def test_prometheus_client_hears_of_a_bad_push(gateway):
    server, handler, _token = gateway
    registry = CollectorRegistry()
    Gauge("a", "A.", registry=registry)
    with pytest.raises(HTTPError, match="400"):
        push_to_gateway(server.url, job="bad", registry=registry, grouping_key={"x-y": "1"}, handler=handler)


def test_the_server_takes_any_type_and_encoding(gateway):
    server, _handler, token = gateway
    url = f"{server.url}/metrics/job/raw/"
    auth = {"Authorization": "Basic " + b64encode(f"x:{token}".encode()).decode()}

    def ask(method, content=b"", **headers):
        return httpx.request(method, url, content=content, headers=auth | headers)

    assert ask("PUT", b"a 1").status_code == 200
    assert (
        ask("POST", iter([b"b ", b"2\n"]), **{"Content-Type": "application/x-www-form-urlencoded"}).status_code == 200
    )
    assert ask("POST", gzip.compress(b"c 3\n"), **{"Content-Encoding": "gzip"}).status_code == 200
    assert [line.split()[0] for line in stored(server, "raw")] == ["a", "b", "c"]
    assert ask("POST", b"c 3\n", **{"Content-Encoding": "gzip"}).status_code == 400
    answer = ask("PUT", b"a 1\nd e\n")
    assert (answer.status_code, answer.text) == (400, "line 2: expected name{label=\"text\"} number, got 'd e'\n")
    assert ask("GET").status_code == 405
    assert ask("DELETE").status_code == 202
    assert httpx.put(url, content=b"a 1").status_code == 401
    assert httpx.get(f"{server.url}/metrics").status_code == 200
