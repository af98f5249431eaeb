"""The board that a new installation shows: this machine, and the dashboard's own figures."""

from django.db import migrations

# Fixed decimal places: these move every second, and 31.9, 32, 32.1 would jump.
PERCENT = {"unit": "%", "polarity": "down_good", "precision": 1}
LIMITED = PERCENT | {"critical": 95}
LOAD = {"polarity": "down_good", "precision": 2}
BYTES = {"unit": "B/s", "polarity": "neutral"}
PER_SECOND = {"unit": "/s", "polarity": "neutral", "precision": 1}

HOST, OWN = ("host", "host"), ("watchfloor", "own")
KPIS: list[tuple[tuple[str, str], str, str, str, dict]] = [
    (HOST, "cpu", "CPU", "host.cpu", LIMITED | {"warn": 80}),
    (HOST, "memory", "Memory", "host.memory", LIMITED | {"warn": 85}),
    (HOST, "load", "Load", "host.load", LOAD),
    (HOST, "disk-used", "Disk used", "host.disk.used", LIMITED | {"warn": 85}),
    (HOST, "disk-read", "Disk read", "host.disk.read", BYTES),
    (HOST, "disk-write", "Disk write", "host.disk.write", BYTES),
    (HOST, "network-in", "Network in", "host.network.in", BYTES),
    (HOST, "network-out", "Network out", "host.network.out", BYTES),
    (OWN, "sockets", "Open sockets", "watchfloor.sockets", {}),
    (OWN, "fragments", "Fragments delivered", "watchfloor.fragments", PER_SECOND),
    (OWN, "samples", "Samples stored", "watchfloor.samples", PER_SECOND),
]


def make(apps, schema_editor):
    room = apps.get_model("live", "Room").objects.filter(slug="general").first()
    board = apps.get_model("metrics", "Board").objects.create(
        slug="main", name="Main", access="public", is_default=True, room=room
    )
    for position, ((source, kind), slug, name, metric, settings) in enumerate(KPIS):
        sender, _created = apps.get_model("metrics", "Source").objects.get_or_create(
            name=source, defaults={"kind": kind}
        )
        kpi = apps.get_model("metrics", "KPI").objects.create(
            slug=slug, name=name, metric=metric, source=sender, **settings
        )
        apps.get_model("metrics", "BoardTile").objects.create(board=board, kpi=kpi, position=position)


def unmake(apps, schema_editor):
    apps.get_model("metrics", "Board").objects.filter(slug="main").delete()
    made = {slug: metric for _source, slug, _name, metric, _settings in KPIS}
    for slug, metric in made.items():
        apps.get_model("metrics", "KPI").objects.filter(slug=slug, metric=metric).delete()


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial"), ("live", "0002_roles_and_general_room")]

    operations = [migrations.RunPython(make, unmake)]
