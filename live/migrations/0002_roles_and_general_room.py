"""The roles that people hold and the room that everybody has: Operators, Staff, and `general`."""

from django.db import migrations

GROUPS = {
    "Operators": [],
    "Staff": [
        "announcement: add change delete view",
        "message: view retract",
        "room: add change delete view",
    ],
}


def make(apps, schema_editor):
    for name, grants in GROUPS.items():
        group, _created = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*(permission for grant in grants for permission in permissions(apps, grant)))
    rooms, lists = apps.get_model("live", "Room"), apps.get_model("live", "AnnouncementList")
    rooms.objects.get_or_create(slug="general", defaults={"name": "General", "access": "public"})
    lists.objects.get_or_create(pk=1)


def permissions(apps, grant):
    """The rows that Django makes after the last migration, made now: groups need them, and it keeps what it finds."""
    model, _colon, actions = grant.partition(": ")
    content_type, _created = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="live", model=model
    )
    for action in actions.split():
        row, _created = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=f"{action}_{model}", defaults={"name": f"Can {action} {model}"}
        )
        yield row


def unmake(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=GROUPS).delete()
    apps.get_model("live", "Room").objects.filter(slug="general").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("live", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, unmake)]
