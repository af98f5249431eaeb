"""What Staff may do with KPIs, boards, sources and their tokens."""

from django.db import migrations

STAFF = "Staff"
GRANTS = {
    "board": "add change delete view",
    "boardtile": "add change delete view",
    "kpi": "add change delete view",
    "series": "view",
    "source": "add change delete view",
    "sourcetoken": "add change view",
}


def grant(apps, schema_editor):
    staff, _created = apps.get_model("auth", "Group").objects.get_or_create(name=STAFF)
    for model, actions in GRANTS.items():
        staff.permissions.add(*permissions(apps, model, actions))


def permissions(apps, model, actions):
    """The rows that Django makes after the last migration, made now: groups need them, and it keeps what it finds."""
    content_type, _created = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="metrics", model=model
    )
    for action in actions.split():
        row, _created = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type, codename=f"{action}_{model}", defaults={"name": f"Can {action} {model}"}
        )
        yield row


def withdraw(apps, schema_editor):
    staff = apps.get_model("auth", "Group").objects.filter(name=STAFF).first()
    if staff:
        ours = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="metrics")
        staff.permissions.remove(*ours)


class Migration(migrations.Migration):
    dependencies = [("metrics", "0002_default_board"), ("live", "0002_roles_and_general_room")]

    operations = [migrations.RunPython(grant, withdraw)]
