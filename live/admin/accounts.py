from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from live.accounts import verbs
from live.accounts.models import PersonalToken
from live.accounts.tokens import revoke_personal_token
from live.admin.writing import NoAdding, NoChanging, NoRemoving, VerbAdmin

admin.site.unregister([User, Group])


@admin.register(User)
class PersonAdmin(VerbAdmin, auth_admin.UserAdmin):
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    search_help_text = _("Search in names and addresses.")

    def save_verb(self, request: HttpRequest, obj: User) -> None:
        verbs.save_person(obj)

    def remove_verb(self, request: HttpRequest, obj: User) -> None:
        verbs.remove_person(obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        # Nobody deletes a token by hand; with its person it goes.
        to_delete, counts, perms_needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, perms_needed - {PersonalToken._meta.verbose_name}, protected

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and id.isdecimal():
            verbs.rights_changed([int(id)])
        return response


@admin.register(Group)
class GroupAdmin(VerbAdmin, auth_admin.GroupAdmin):
    search_help_text = _("Search in names.")

    def save_verb(self, request: HttpRequest, obj: Group) -> None:
        verbs.save_group(obj)

    def remove_verb(self, request: HttpRequest, obj: Group) -> None:
        verbs.remove_group(obj)


@admin.register(PersonalToken)
class PersonalTokenAdmin(NoAdding, NoChanging, NoRemoving, VerbAdmin):
    """Tokens are made by the people themselves; here they can be ended."""

    list_display = ["user", "name", "prefix", "created_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["user__username", "name", "prefix"]
    search_help_text = _("Search in names of people and tokens, and in how tokens begin.")
    ordering = ["-pk"]
    fields = ["user", "name", "prefix", "created_at", "last_used_at", "revoked_at"]
    actions = ["revoke_selected"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("live.change_personaltoken")

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        count = sum(revoke_personal_token(token) for token in queryset)
        text = ngettext("%d token has been revoked.", "%d tokens have been revoked.", count)
        self.message_user(request, text % count, messages.SUCCESS)
