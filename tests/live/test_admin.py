"""Django admin writes through the verbs: what is changed there is seen on open pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, Permission, User
from django.test import Client, RequestFactory

from live.accounts.models import PersonalToken
from live.accounts.tokens import make_personal_token, person_of_token
from live.admin import VerbAdmin
from live.announcements.models import Announcement
from live.announcements.verbs import announce
from live.chat.models import Message, Room
from live.chat.verbs import arrive, post_message
from live.people import Access

OURS = {"live", "metrics", "auth"}
HOOKS = ("save_model", "save_related", "delete_model", "delete_queryset")


class Bypassing(VerbAdmin):
    def save_model(self, request, obj, form, change):
        obj.save()


def shortcomings(model_admin: admin.ModelAdmin) -> list[str]:
    """How a registered admin could write past the verbs."""
    kind: Any = type(model_admin)
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True)
    if not isinstance(model_admin, VerbAdmin):
        return ["is no VerbAdmin"]
    found = [f"overrides {hook}" for hook in HOOKS if getattr(kind, hook) is not getattr(VerbAdmin, hook)]
    writes = model_admin.has_add_permission(request) or model_admin.has_change_permission(request)
    if writes and kind.save_verb is VerbAdmin.save_verb:
        found.append("has no save_verb")
    if model_admin.has_delete_permission(request) and kind.remove_verb is VerbAdmin.remove_verb:
        found.append("has no remove_verb")
    return found


@pytest.fixture
def root(db):
    User.objects.create_superuser("root", password="x")
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def fields(client, address):
    """What the form at the address would send unchanged."""
    form = client.get(address).context["adminform"].form
    sent: dict[str, Any] = {}
    for name in form.fields:
        value = form[name].value()
        if isinstance(value, bool):
            sent |= {name: "on"} if value else {}
        elif value is not None:
            sent[name] = value
    return sent


def act(client, model, action, *rows):
    address = f"/admin/live/{model}/" if model not in ("user", "group") else f"/admin/auth/{model}/"
    return client.post(address, {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows], "post": "yes"})


def test_every_admin_of_ours_writes_through_verbs():
    registered = {model: one for model, one in admin.site._registry.items() if model._meta.app_label in OURS}
    assert {User, Group, Room, Message, Announcement, PersonalToken} <= registered.keys()
    assert {model.__name__: shortcomings(one) for model, one in registered.items() if shortcomings(one)} == {}


@pytest.mark.parametrize(
    "kind, words",
    [(admin.ModelAdmin, "no VerbAdmin"), (VerbAdmin, "no save_verb"), (Bypassing, "overrides save_model")],
)
def test_an_admin_that_writes_past_the_verbs_is_found(kind, words):
    assert words in ", ".join(shortcomings(kind(Room, admin.site)))


def test_every_list_searches_and_every_page_opens(root, room, bob):
    post_message(room, bob, "hello")
    announce(Announcement(title="works", text="x"), by=bob)
    make_personal_token(bob)
    for model in (Room, Message, Announcement, PersonalToken, User, Group):
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert root.get(base, {"q": "bob"}).status_code == 200
        assert admin.site._registry[model].search_fields
        for row in model.objects.all()[:1]:
            assert root.get(f"{base}{row.pk}/change/").status_code == 200


def test_pages_of_the_admin_hold_nothing_inline(root, room, bob):
    message = post_message(room, bob, "hello")
    for address in (
        "/admin/",
        "/admin/live/message/",
        f"/admin/live/message/{message.pk}/change/",
        "/admin/live/room/add/",
    ):
        html = root.get(address).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*(\ssrc=|json))", html)


def test_a_room_made_in_the_admin_is_there(root):
    root.post("/admin/live/room/add/", {"name": "Team", "slug": "team", "access": Access.SIGNED_IN, "position": 1})
    assert Room.objects.get(slug="team").access == Access.SIGNED_IN


def test_a_changed_room_keeps_its_address_and_is_told(root, room, bob, publishes):
    address = f"/admin/live/room/{room.pk}/change/"
    sent = fields(root, address) | {"name": "Everybody", "slug": "elsewhere"}
    post_message(room, bob, "said while the form was open")
    with publishes() as topics:
        assert root.post(address, sent).status_code == 302
    room.refresh_from_db()
    assert (room.name, room.slug, room.last_seq) == ("Everybody", "general", 1)
    assert "room.general" in topics


def test_changed_groups_of_a_room_are_stored_before_it_is_told(root, rooms, publishes, monkeypatch):
    night, other = rooms["night"], Group.objects.create(name="Day")
    seen = []
    monkeypatch.setattr("live.chat.verbs.publish", lambda *topics: seen.append((topics, set(night.groups.all()))))
    address = f"/admin/live/room/{night.pk}/change/"
    with publishes():
        root.post(address, fields(root, address) | {"groups": [other.pk]})
    assert seen == [(("room.night",), {other})]


def test_positions_changed_in_the_list_are_told(root, room, publishes):
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": room.pk, "form-0-position": 7, "_save": "Save"}
    with publishes() as topics:
        root.post("/admin/live/room/", form)
    room.refresh_from_db()
    assert (room.position, topics) == (7, ["room.general"])


def test_a_removed_room_is_told_and_its_messages_go_with_it(root, rooms, bob, publishes):
    post_message(rooms["team"], bob, "hello")
    with publishes() as topics:
        root.post(f"/admin/live/room/{rooms['team'].pk}/delete/", {"post": "yes"})
        act(root, "room", "delete_selected", rooms["night"])
    assert topics == ["room.team", "room.night"]
    assert list(Room.objects.values_list("slug", flat=True)) == ["general"]
    assert not Message.objects.exists()


def test_messages_are_neither_written_nor_deleted_in_the_admin(root, room, bob):
    message = post_message(room, bob, "hello")
    base = "/admin/live/message/"
    assert root.get(f"{base}add/").status_code == 403
    assert root.post(f"{base}{message.pk}/delete/", {"post": "yes"}).status_code == 403
    root.post(f"{base}{message.pk}/change/", {"body": "changed"})
    act(root, "message", "delete_selected", message)
    message.refresh_from_db()
    assert message.body == "hello"


def test_messages_are_retracted_from_the_list(root, room, bob, publishes):
    said, coming = post_message(room, bob, "hello"), arrive(room, bob)
    with publishes() as topics:
        act(root, "message", "retract_selected", said, coming)
    assert list(Message.objects.filter(retracted_by__username="root")) == [said]
    assert topics == ["room.general"]


def test_a_message_is_retracted_from_its_own_page(root, room, bob, publishes):
    message = post_message(room, bob, "hello")
    page, button = f"/admin/live/message/{message.pk}/change/", f"/admin/live/message/{message.pk}/retract/"
    assert button in root.get(page).content.decode()
    assert root.get(button).status_code == 404
    with publishes() as topics:
        assert root.post(button).url == page
    assert topics == ["room.general"]
    assert button not in root.get(page).content.decode()


def test_staff_retract_in_the_rooms_that_they_may_see(rooms, alice, charlie, signed_in):
    seen, hidden = post_message(rooms["team"], charlie, "seen"), post_message(rooms["night"], charlie, "hidden")
    client = signed_in(alice)
    html = client.get("/admin/live/message/").content.decode()
    assert "seen" in html
    assert ">hidden<" not in html
    assert client.post(f"/admin/live/message/{seen.pk}/retract/").status_code == 302
    assert client.post(f"/admin/live/message/{hidden.pk}/retract/").status_code == 404


def test_staff_without_the_permission_retract_nothing_in_the_admin(room, alice, bob, staff_group, signed_in):
    message = post_message(room, bob, "hello")
    staff_group.permissions.remove(Permission.objects.get(codename="retract_message"))
    client = signed_in(alice)
    assert client.post(f"/admin/live/message/{message.pk}/retract/").status_code == 403
    act(client, "message", "retract_selected", message)
    message.refresh_from_db()
    assert message.retracted_at is None


def announcement_form(**changed):
    start = {"starts_at_0": "", "starts_at_1": "", "expires_at_0": "", "expires_at_1": ""}
    return {"title": "works", "text": "tonight", "severity": "info"} | start | changed


def test_an_announcement_from_the_admin_is_one_like_any_other(root, publishes):
    with publishes() as topics:
        assert root.post("/admin/live/announcement/add/", announcement_form()).status_code == 302
    announcement = Announcement.objects.get()
    assert (announcement.author_name, topics) == ("root", ["announcements.all", "schedule.all"])
    with publishes() as topics:
        root.post(f"/admin/live/announcement/{announcement.pk}/change/", announcement_form(title="changed"))
    announcement.refresh_from_db()
    assert (announcement.title, topics) == ("changed", ["announcements.all", "schedule.all"])
    with publishes() as topics:
        act(root, "announcement", "withdraw_selected", announcement)
    announcement.refresh_from_db()
    assert announcement.withdrawn_at
    assert topics == ["announcements.all", "schedule.all"]
    with publishes() as topics:
        root.post(f"/admin/live/announcement/{announcement.pk}/delete/", {"post": "yes"})
    assert not Announcement.objects.exists()
    assert topics == ["announcements.all", "schedule.all"]


def test_an_announcement_in_the_past_is_refused_in_the_admin_too(root):
    past = announcement_form(expires_at_0="2020-01-01", expires_at_1="10:00:00")
    assert "must lie in the future" in root.post("/admin/live/announcement/add/", past).content.decode()
    assert not Announcement.objects.exists()


def test_a_token_can_only_be_revoked(root, bob, publishes):
    text = make_personal_token(bob)
    token = PersonalToken.objects.get()
    base = "/admin/live/personaltoken/"
    assert root.get(f"{base}add/").status_code == 403
    assert root.post(f"{base}{token.pk}/delete/", {"post": "yes"}).status_code == 403
    assert root.post(f"{base}{token.pk}/change/", {"name": "changed"}).status_code == 403
    assert token.digest not in root.get(f"{base}{token.pk}/change/").content.decode()
    with publishes() as topics:
        act(root, "personaltoken", "revoke_selected", token)
    assert topics == [f"user.{bob.pk}"]
    assert person_of_token(text) is None


def test_changes_of_a_person_are_told(root, charlie, publishes):
    address = f"/admin/auth/user/{charlie.pk}/change/"
    sent = fields(root, address) | {"is_active": "", "date_joined_0": "2026-01-01", "date_joined_1": "10:00:00"}
    sent = {
        name: value
        for name, value in sent.items()
        if name not in ("is_active", "password", "last_login", "date_joined")
    }
    with publishes() as topics:
        assert root.post(address, sent | {"groups": []}).status_code == 302
    charlie.refresh_from_db()
    assert (charlie.is_active, charlie.groups.count(), topics) == (False, 0, [f"user.{charlie.pk}"])


def test_a_password_set_by_an_admin_is_told(root, bob, publishes):
    form = {"password1": "another long passphrase", "password2": "another long passphrase", "usable_password": "true"}
    with publishes() as topics:
        assert root.post(f"/admin/auth/user/{bob.pk}/password/", form).status_code == 302
    bob.refresh_from_db()
    assert bob.check_password("another long passphrase")
    assert topics == [f"user.{bob.pk}"]


def test_changes_of_a_group_are_told_to_its_members(root, charlie, publishes):
    group = charlie.groups.get()
    permission = Permission.objects.get(codename="add_announcement")
    with publishes() as topics:
        root.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Night", "permissions": [permission.pk]})
    assert list(group.permissions.all()) == [permission]
    assert topics == [f"user.{charlie.pk}"]


def test_a_deleted_person_leaves_their_words_and_no_tokens(root, room, bob, publishes):
    post_message(room, bob, "hello")
    make_personal_token(bob)
    with publishes() as topics:
        root.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(pk=bob.pk).exists()
    assert Message.objects.get().author_name == "bob"
    assert not PersonalToken.objects.exists()
    assert {f"user.{bob.pk}", "room.general"} <= set(topics)


def test_staff_do_not_administer_people(alice, bob, signed_in):
    client = signed_in(alice)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/live/personaltoken/").status_code == 403
    assert signed_in(bob).get("/admin/live/message/").status_code == 302


def test_the_list_of_messages_costs_the_same_for_many(root, room, bob, django_assert_max_num_queries):
    for number in range(30):
        post_message(room, bob, f"{number}")
    with django_assert_max_num_queries(12):
        root.get("/admin/live/message/")
