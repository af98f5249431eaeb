"""Alerts of others on open pages: from firing to resolved, on SQLite with memory, and on PostgreSQL with Redis."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.metrics.hooks.payloads import alertmanager, grafana, probe
from tests.servers.sockets import Socket

PAGE = "/ws/notifications/"


@pytest.fixture(scope="module")
def token(either_server):
    return either_server.source_token("alerts")


@pytest.fixture
def hook(either_server, token):
    """`hook("/hooks/…", document)`: the answer to a webhook with the token of a source."""

    def hook(path, document, *, method="POST", **more):
        headers = {"Authorization": f"Bearer {token}"} if "auth" not in more else {}
        if more.get("auth") == "basic":
            more["auth"] = ("alertmanager", token)
        return httpx.request(method, either_server.url + path, json=document, headers=headers, **more)

    return hook


def banners(server):
    """The announcements that a page shows which is opened now."""
    return httpx.get(f"{server.url}/notifications/").text.partition("ended-heading")[0]


def test_an_alert_comes_onto_open_pages_and_goes_with_its_end(either_server, hook):
    title = "page.example.org does not answer"
    firing, resolved = (alertmanager(probe(status, instance="page.example.org")) for status in ("firing", "resolved"))
    with Socket(either_server, PAGE) as page, Socket(either_server, f"{PAGE}?format=json") as program:
        assert hook("/hooks/alertmanager", firing).json() == {"announced": 1, "ended": 0}
        shown = page.until_text(title)
        event = program.event("notification", title=title)
        assert (event["severity"], f'id="banner-{event["id"]}"' in shown) == ("critical", True)
        assert title in banners(either_server)
        assert hook("/hooks/alertmanager", resolved).json() == {"announced": 0, "ended": 1}
        page.until(lambda frame: 'hx-target="#banner"' in frame and f"banner-{event['id']}" not in frame)
    assert title not in banners(either_server)


def test_a_change_while_it_fires_changes_open_pages(either_server, hook):
    with Socket(either_server, PAGE) as page:
        hook("/hooks/grafana", grafana(annotations={"summary": "Memory at 91 %"}))
        page.until_text("Memory at 91 %")
        hook("/hooks/grafana", grafana(annotations={"summary": "Memory at 97 %"}))
        page.until_text("Memory at 97 %")
        hook("/hooks/grafana", grafana("resolved"))
        page.until(lambda frame: 'hx-target="#banner"' in frame and "Memory at" not in frame)
    assert "Memory at" not in banners(either_server)


def test_what_a_sender_writes_is_shown_as_text(either_server, hook):
    with Socket(either_server, PAGE) as page:
        document = {"title": "<script>alert(1)</script>", "text": "<img src=x onerror=alert(1)>", "key": "escaped"}
        assert hook("/hooks/json/nightly", document, method="PUT", auth="basic").status_code == 200
        shown = page.until_text("&lt;script&gt;alert(1)&lt;/script&gt;")
        assert "<script>alert" not in shown
        assert "<img src=x" not in banners(either_server)
        hook("/hooks/json/nightly", document | {"status": "ok"})


@pytest.mark.parametrize("path", ["/hooks/alertmanager", "/hooks/grafana", "/hooks/json/x"])
def test_a_stranger_and_nonsense_are_refused(either_server, hook, path):
    assert httpx.post(either_server.url + path, json={"title": "x"}).status_code == 401
    assert httpx.get(either_server.url + path).status_code == 405
    assert hook(path, [7]).status_code == 400


def test_senders_of_the_same_alert_at_the_same_time_announce_it_once(either_server, hook):
    """Alertmanagers come in pairs, and both tell of everything."""
    firing, resolved = (alertmanager(probe(status, instance="pair.example.org")) for status in ("firing", "resolved"))
    for document, told in ((firing, "announced"), (resolved, "ended")):
        with ThreadPoolExecutor(8) as senders:
            answers = list(senders.map(lambda _, document=document: hook("/hooks/alertmanager", document), range(16)))
        assert [answer.status_code for answer in answers] == [200] * 16
        assert sorted(answer.json()[told] for answer in answers) == [0] * 15 + [1]
    assert "pair.example.org" not in banners(either_server)
