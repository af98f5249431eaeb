"""What a new installation shows, and what Staff may do with it."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group

from live.chat.models import Room
from metrics.boards.models import Board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from metrics.sources.models import Source

pytestmark = pytest.mark.django_db
board = import_module("metrics.migrations.0002_default_board")
rights = import_module("metrics.migrations.0003_staff_look_after_metrics")
board_of_itself = import_module("metrics.migrations.0004_board_of_itself")


@pytest.fixture
def made():
    """The board as the migration makes it, whatever other tests left."""
    Room.objects.get_or_create(slug="general", defaults={"name": "General", "access": "public"})
    board.unmake(apps, None)
    board.make(apps, None)
    return Board.objects.get(slug="main")


def test_a_new_installation_has_a_public_board_with_a_room(made):
    assert (made.name, made.access, made.is_default, made.room.slug) == ("Main", "public", True, "general")


def test_it_shows_this_machine_and_our_own_figures(made):
    shown = list(made.tiles.values_list("kpi__metric", "kpi__unit", "kpi__warn", "kpi__critical", "kpi__source__kind"))
    assert shown[:4] == [
        ("host.cpu", "%", 80, 95, "host"),
        ("host.memory", "%", 85, 95, "host"),
        ("host.load", "", None, None, "host"),
        ("host.disk.used", "%", 85, 95, "host"),
    ]
    assert [metric for metric, *_ in shown[4:]] == [
        "host.disk.read",
        "host.disk.write",
        "host.network.in",
        "host.network.out",
        "watchfloor.sockets",
        "watchfloor.fragments",
        "watchfloor.samples",
    ]


def test_every_kpi_of_the_board_is_valid(made):
    for kpi in made.kpis.all():
        kpi.full_clean(exclude=["slug"])


def test_another_machine_cannot_send_this_machines_numbers(made):
    assert Source.objects.get(name="host").kind == Source.Kind.HOST
    assert set(made.kpis.values_list("source__kind", flat=True)) == {"host", "own"}


def test_going_back_takes_away_what_it_made_and_nothing_else(made):
    mine = make_kpi(KPI(metric="orders"))
    board_of_itself.unmake(apps, None)
    board.unmake(apps, None)
    assert list(KPI.objects.all()) == [mine]
    assert not Board.objects.exists()


def test_staff_look_after_metrics_until_it_is_taken_back():
    staff = Group.objects.get_or_create(name="Staff")[0]
    rights.grant(apps, None)
    held = set(staff.permissions.filter(content_type__app_label="metrics").values_list("codename", flat=True))
    assert {"add_kpi", "change_board", "add_sourcetoken", "view_series"} <= held
    assert not {"delete_sourcetoken", "change_series", "add_series"} & held
    others = staff.permissions.exclude(content_type__app_label="metrics").count()
    rights.withdraw(apps, None)
    assert staff.permissions.count() == others
