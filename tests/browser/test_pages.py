"""No page makes the browser complain: no console error, no breach of the Content Security Policy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Error, Route, expect

from tests.servers.watchfloor import PASSWORD

PAGES = ["/", "/chat/", "/chat/general/", "/online/", "/notifications/"]
ADMIN_LINKS = "#content-main a[href$='/'], #content-main .addlink"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", ["", "alice"], ids=["guest", "admin"])
def test_a_page_makes_no_complaint_and_connects(shared_server, visitor, path, name):
    page = visitor(shared_server, name).open(path)
    expect(page.locator("h1")).to_have_count(1)


@pytest.mark.parametrize("language, word", [("ru-RU", "Войти"), ("en-GB", "Sign in")])
def test_a_page_speaks_the_visitors_language(shared_server, visitor, language, word):
    page = visitor(shared_server, locale=language).open("/")
    expect(page.get_by_role("link", name=word).first).to_be_visible()


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_no_page_is_wider_than_the_screen(shared_server, visitor, width):
    who = visitor(shared_server, "alice", viewport={"width": width, "height": 900})
    page = who.open("/")
    for path in [*PAGES, "/account/"]:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is too wide"


def test_the_account_and_sign_in_pages_make_no_complaint(shared_server, visitor):
    visitor(shared_server).open("/accounts/login/", connected=False)
    page = visitor(shared_server, "alice").open("/account/", connected=False)
    expect(page.locator("h1")).to_have_count(1)


def test_a_page_that_is_not_there_says_so(shared_server, visitor):
    who = visitor(shared_server)
    who.allow(re.compile("status of 404"))
    page = who.open("/boards/no-such-board/", connected=False)
    expect(page.locator("h1")).to_have_count(1)


def test_the_admin_makes_no_complaint(shared_server, visitor):
    """Its front page, every list, and every form to add something."""
    page = visitor(shared_server, "alice").open("/admin/", connected=False)
    links = page.locator(ADMIN_LINKS).evaluate_all("nodes => nodes.map(node => node.getAttribute('href'))")
    assert len(links) > 10
    for link in dict.fromkeys(links):
        answer = page.goto(link)
        assert answer, link
        assert answer.ok, f"{link} answers {answer.status}"


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_the_forms_sign_people_in(shared_server, visitor, path):
    page = visitor(shared_server).open(path, connected=False)
    page.locator("[name=username]").fill("alice")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.locator("form[action*=logout]").first).to_be_attached()


@pytest.mark.parametrize(
    "body",
    [
        "<p style='color:red'>styled</p>",
        "<script>1</script>",
        "<img src='https://elsewhere.example/x.png'>",
        "<script src='/static/no-such.js'></script>",
    ],
)
def test_a_complaint_is_noticed(shared_server, visitor, body):
    """The proof that the tests above could fail."""
    who = visitor(shared_server)

    def spoil(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</body>", f"{body}</body>"))

    who.context.route("**/accounts/login/", spoil)
    page = who.open("/accounts/login/", connected=False)
    page.wait_for_timeout(300)
    assert who.complaints
    who.complaints.clear()


def test_an_error_of_a_script_is_noticed(shared_server, visitor):
    who = visitor(shared_server)
    page = who.open("/accounts/login/", connected=False)
    with pytest.raises(Error, match="broken"):
        page.evaluate("() => { throw new Error('broken') }")
    page.evaluate("() => { setTimeout(() => { throw new Error('broken') }) }")
    page.wait_for_timeout(300)
    assert who.complaints
    who.complaints.clear()
