"""The admin writes through the verbs, so that open boards see it; tokens are shown once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session

from metrics.boards.models import Board, BoardTile
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from metrics.sources.models import SourceToken
from metrics.sources.tokens import find_sender, make_source_token
from tests.metrics.kpis.arranging import a_series, a_source

pytestmark = pytest.mark.django_db
MODELS = ["kpi", "board", "source", "sourcetoken", "series"]


@pytest.fixture
def root(signed_in):
    return signed_in(User.objects.create_superuser("root"))


@pytest.fixture
def orders(main):
    kpi = make_kpi(KPI(metric="orders", warn=5, critical=9))
    put_on_board(main, kpi)
    return kpi


def sent(client, address) -> dict[str, Any]:
    """What the form at the address would send unchanged."""
    context = client.get(address).context
    forms = [context["adminform"].form]
    for formset in (inline.formset for inline in context["inline_admin_formsets"]):
        forms += [formset.management_form, *formset.forms]
    return {
        form.add_prefix(name): form[name].value()
        for form in forms
        for name in form.fields
        if form[name].value() is not None and form[name].value() is not False
    }


def act(client, model, action, *rows):
    chosen = {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows], "post": "yes"}
    return client.post(f"/admin/metrics/{model}/", chosen)


def test_every_list_searches_and_every_page_opens(root, main, orders):
    make_source_token(a_source())
    a_series("orders", [1.0])
    for model in MODELS:
        listed = root.get(f"/admin/metrics/{model}/", {"q": "a"})
        assert listed.status_code == 200
        for row in listed.context["cl"].model.objects.all()[:1]:
            assert root.get(f"/admin/metrics/{model}/{row.pk}/change/").status_code == 200


def test_only_staff_with_permission_get_in(signed_in, main, orders, bob):
    staff = User.objects.create_user("dora", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="change_kpi"))
    address = f"/admin/metrics/kpi/{orders.pk}/change/"
    assert signed_in(staff).get(address).status_code == 200
    assert signed_in(bob).get(address).status_code == 302


def test_a_changed_limit_shows_on_open_boards(root, main, orders, published):
    address = f"/admin/metrics/kpi/{orders.pk}/change/"
    with published() as topics:
        assert root.post(address, sent(root, address) | {"warn": "7"}).status_code == 302
    before = orders.version
    orders.refresh_from_db()
    assert (orders.warn, orders.version) == (7, before + 1)
    assert topics == {"board.main"}


def test_limits_out_of_order_are_refused_in_the_form(root, orders):
    address = f"/admin/metrics/kpi/{orders.pk}/change/"
    response = root.post(address, sent(root, address) | {"warn": "10"})
    assert "must lie beyond the warning limit" in response.content.decode()
    orders.refresh_from_db()
    assert orders.warn == 5


def test_a_new_kpi_is_bound_and_named(root):
    series = a_series("refunds", unit="kg")
    fields = {"name": "Refunds", "metric": "refunds", "labels": "{}", "polarity": "neutral", "direction": "above"}
    root.post("/admin/metrics/kpi/add/", fields)
    kpi = KPI.objects.get(metric="refunds")
    assert (kpi.slug, kpi.unit, list(kpi.series.all())) == ("refunds", "kg", [series])


def test_a_deleted_kpi_leaves_open_boards_alone_and_in_bulk(root, main, orders, published):
    other = make_kpi(KPI(metric="refunds"))
    put_on_board(main, other)
    with published() as topics:
        root.post(f"/admin/metrics/kpi/{orders.pk}/delete/", {"post": "yes"})
    assert topics == {"board.main"}
    with published() as topics:
        act(root, "kpi", "delete_selected", other)
    assert topics == {"board.main"}
    assert not KPI.objects.filter(pk__in=[orders.pk, other.pk]).exists()


def test_kpis_are_put_on_the_default_board_in_bulk(root, main, published):
    kpi = make_kpi(KPI(metric="refunds"))
    with published() as topics:
        act(root, "kpi", "put_on_default_board", kpi)
    assert topics == {"board.main"}
    assert main.kpis.filter(pk=kpi.pk).exists()


def test_the_order_of_tiles_shows_on_open_boards(root, charlie, trading, published):
    tiles = [put_on_board(trading, make_kpi(KPI(metric=metric))) for metric in ("orders", "refunds")]
    address = f"/admin/metrics/board/{trading.pk}/change/"
    with published() as topics:
        form = sent(root, address) | {"tiles-0-position": "5", "groups": [g.pk for g in trading.groups.all()]}
        assert root.post(address, form).status_code == 302
    assert [tile.pk for tile in BoardTile.objects.filter(board=trading)] == [tiles[1].pk, tiles[0].pk]
    assert topics == {"board.trading"}


def test_the_default_board_cannot_be_deleted(root, main, trading):
    assert root.post(f"/admin/metrics/board/{main.pk}/delete/", {"post": "yes"}).status_code == 403
    assert act(root, "board", "delete_selected", main, trading).status_code == 403
    assert Board.objects.filter(pk__in=[main.pk, trading.pk]).count() == 2
    assert root.post(f"/admin/metrics/board/{trading.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Board.objects.filter(pk=trading.pk).exists()


def test_one_board_becomes_the_default(root, main, trading, published):
    act(root, "board", "make_default", main, trading)
    assert Board.objects.get(is_default=True) == main
    with published() as topics:
        act(root, "board", "make_default", trading)
    assert Board.objects.get(is_default=True) == trading
    assert topics == {"board.main", "board.trading"}


def test_a_token_is_shown_once_and_kept_nowhere(root):
    source = a_source()
    address = f"/admin/metrics/source/{source.pk}/token/"
    assert root.get(address).status_code == 200
    assert not SourceToken.objects.exists()
    response = root.post(address, {"name": "till 3"})
    token = response.context["token"]
    assert token in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert find_sender(token).id == source.pk
    assert token not in "".join(str(session.get_decoded()) for session in Session.objects.all())
    assert token not in str(response.cookies)
    assert token not in root.get(f"/admin/metrics/source/{source.pk}/history/").content.decode()


def test_who_may_not_make_tokens_gets_none(signed_in, root):
    source = a_source()
    staff = User.objects.create_user("dora", is_staff=True)
    Group.objects.get(name="Staff").permissions.remove(Permission.objects.get(codename="add_sourcetoken"))
    address = f"/admin/metrics/source/{source.pk}/token/"
    assert signed_in(staff).post(address).status_code == 403
    assert signed_in(User.objects.create_user("eve")).post(address).status_code == 302
    assert not SourceToken.objects.exists()
    assert root.post(address).status_code == 200


def test_nobody_gets_a_token_of_this_machine(root):
    assert root.post(f"/admin/metrics/source/{a_source('host', 'host').pk}/token/").status_code == 404


def test_tokens_are_revoked_and_not_deleted(root):
    token = make_source_token(a_source())
    row = SourceToken.objects.get()
    assert root.post(f"/admin/metrics/sourcetoken/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    act(root, "sourcetoken", "revoke_selected", row)
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert find_sender(token) is None


def test_series_are_only_looked_at(root):
    series = a_series("orders", [1.0])
    address = f"/admin/metrics/series/{series.pk}"
    assert root.get("/admin/metrics/series/add/").status_code == 403
    assert root.post(f"{address}/change/", {"name": "x"}).status_code == 403
    assert root.post(f"{address}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    "language, words",
    [
        ("en", ["1 May 2031 09:30", "2.5", "Samples stored"]),
        ("ru", ["1 мая 2031 г. 9:30", "2,5", "Сохранено значений"]),
    ],
)
def test_a_series_is_described_in_the_readers_language_and_zone(root, settings, language, words):
    settings.TIME_ZONE = "Asia/Tokyo"
    last = datetime(2031, 5, 1, 0, 30, tzinfo=UTC)
    series = a_series("orders", [1.0], until=int(last.timestamp() * 1000), interval_ms=2_500)
    for address in ("", f"{series.pk}/change/"):
        html = root.get(f"/admin/metrics/series/{address}", headers={"accept-language": language}).content.decode()
        assert [word for word in words if word.lower() not in html.lower()] == []


def test_a_series_that_is_silent_has_no_times(root):
    html = root.get(f"/admin/metrics/series/{a_series('orders', interval_ms=None).pk}/change/").content.decode()
    assert "None" not in html


def test_a_source_shows_its_tokens_and_nobody_elses(root):
    shop, market = a_source("shop"), a_source("market")
    make_source_token(shop, "till 3")
    make_source_token(market, "stall 9")
    html = root.get(f"/admin/metrics/source/{shop.pk}/change/").content.decode()
    assert "till 3" in html
    assert "stall 9" not in html
    assert f"/admin/metrics/source/{shop.pk}/token/" in html


def test_a_source_of_our_own_has_no_tokens_to_show(root):
    html = root.get(f"/admin/metrics/source/{a_source('host', 'host').pk}/change/").content.decode()
    assert "/token/" not in html
    assert "inline-group" not in html


def test_lists_count_tiles_and_series(root, main, orders):
    a_series("orders", source=a_source("market"))
    a_series("refunds", source=a_source("market"))
    (board,) = root.get("/admin/metrics/board/", {"q": "main"}).context["cl"].result_list
    (source,) = root.get("/admin/metrics/source/", {"q": "market"}).context["cl"].result_list
    assert board.tiles_there == board.tiles.count() > 0
    assert source.series_there == 2


def test_a_source_with_kpis_of_its_own_is_kept_and_another_one_goes(root):
    shop, market = a_source("shop"), a_source("market")
    make_kpi(KPI(metric="orders", source=shop))
    for source in (shop, market):
        root.post(f"/admin/metrics/source/{source.pk}/delete/", {"post": "yes"})
    assert type(shop).objects.filter(pk__in=[shop.pk, market.pk]).get() == shop
