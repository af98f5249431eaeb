"""The board "Watchfloor itself": how the dashboard is doing, in all its processes together."""

from typing import Any

from django.db import migrations

OWN = "watchfloor"
SHOWN_ALREADY = ["sockets", "fragments", "samples"]
KPIS: list[tuple[str, str, dict[str, Any]]] = [
    ("topics", "Topics watched", {"precision": 0}),
    ("frames", "Frames sent", {"unit": "/s", "precision": 0}),
    ("renders", "Fragments printed", {"unit": "/s", "precision": 0}),
    (
        "loop_lag",
        "Event loop behind",
        {"unit": "s", "precision": 3, "polarity": "down_good", "warn": 0.25, "critical": 1},
    ),
    ("beat_age", "Own beat heard", {"unit": "s", "precision": 1, "polarity": "down_good", "warn": 3, "critical": 10}),
    ("bus_up", "Processes on the bus", {"precision": 0, "polarity": "up_good", "direction": "below", "critical": 1}),
    ("conflated", "Fragments replaced unsent", {"unit": "/s", "precision": 1, "polarity": "down_good"}),
    ("overflows", "Outboxes overflowed", {"unit": "/s", "precision": 1, "polarity": "down_good"}),
    ("stalls", "Readers that stood still", {"unit": "/s", "precision": 1, "polarity": "down_good"}),
    ("gaps", "Lines found by healing", {"unit": "/s", "precision": 1, "polarity": "down_good"}),
    ("heals_version", "Topics healed", {"unit": "/s", "precision": 1, "polarity": "down_good"}),
    (
        "heals_unversioned",
        "Changes without a version",
        {"unit": "/s", "precision": 1, "polarity": "down_good", "critical": 0},
    ),
    ("memory", "Memory of the processes", {"unit": "B", "polarity": "down_good"}),
]


def make(apps, schema_editor):
    models = {name: apps.get_model("metrics", name).objects for name in ("Board", "BoardTile", "KPI", "Source")}
    source = models["Source"].get(name=OWN)
    board = models["Board"].create(slug="watchfloor", name="Watchfloor itself", access="signed_in", position=90)
    shown = [models["KPI"].get(slug=slug) for slug in SHOWN_ALREADY]
    for figure, name, settings in KPIS:
        slug, metric = f"own-{figure.replace('_', '-')}", f"{OWN}.{figure}"
        shown.append(models["KPI"].create(slug=slug, name=name, metric=metric, source=source, **settings))
    for position, kpi in enumerate(shown):
        models["BoardTile"].create(board=board, kpi=kpi, position=position)


def unmake(apps, schema_editor):
    apps.get_model("metrics", "Board").objects.filter(slug="watchfloor").delete()
    slugs = [f"own-{figure.replace('_', '-')}" for figure, _name, _settings in KPIS]
    apps.get_model("metrics", "KPI").objects.filter(slug__in=slugs).delete()


class Migration(migrations.Migration):
    dependencies = [("metrics", "0003_staff_look_after_metrics")]

    operations = [migrations.RunPython(make, unmake)]
