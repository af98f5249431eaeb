from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from live.admin.writing import NoAdding, NoChanging, NoRemoving, VerbAdmin
from live.chat import verbs
from live.chat.models import Message, Room

SHORT = 80


@admin.register(Room)
class RoomAdmin(VerbAdmin):
    list_display = ["name", "slug", "access", "position", "last_seq"]
    list_editable = ["position"]
    list_filter = ["access", "groups"]
    search_fields = ["name", "slug", "description"]
    search_help_text = _("Search in names and descriptions.")
    fields = ["name", "slug", "description", "access", "groups", "position", "last_seq"]
    filter_horizontal = ["groups"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["position", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> list[str]:
        # The slug is in the address of every open page of the room.
        return ["slug", "last_seq"] if obj else ["last_seq"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Room | None = None) -> dict:
        return {} if obj else self.prepopulated_fields

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        # Nobody deletes a message by hand; with its room it goes. They are counted, not listed.
        rooms = list(objs)
        said = Message.objects.filter(room__in=rooms).count()
        counts = {Room._meta.verbose_name_plural: len(rooms), Message._meta.verbose_name_plural: said}
        return [str(room) for room in rooms], counts, set(), []

    def save_verb(self, request: HttpRequest, obj: Room) -> None:
        verbs.save_room(obj)

    def remove_verb(self, request: HttpRequest, obj: Room) -> None:
        verbs.remove_room(obj)


@admin.register(Message)
class MessageAdmin(NoAdding, NoChanging, NoRemoving, VerbAdmin):
    """What was said, to be read and retracted; nobody edits it and nobody deletes it."""

    list_display = ["room", "seq", "author_name", "short_body", "at", "kind", "retracted_at"]
    list_display_links = ["seq"]
    list_filter = ["room", "kind", ("retracted_at", admin.EmptyFieldListFilter), "at"]
    list_select_related = ["room"]
    search_fields = ["body", "author_name"]
    search_help_text = _("Search in texts and authors' names.")
    date_hierarchy = "at"
    ordering = ["-pk"]
    show_full_result_count = False
    fields = ["room", "seq", "kind", "author", "author_name", "body", "at", "retracted_at", "retracted_by"]
    actions = ["retract_selected"]
    change_form_template = "admin/live/message/change_form.html"

    @admin.display(description=_("text"))
    def short_body(self, obj: Message) -> str:
        return obj.body if len(obj.body) <= SHORT else f"{obj.body[:SHORT]}…"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        # Who looks after rooms still reads only those that they may see.
        return super().get_queryset(request).filter(room__in=Room.objects.visible_to(request.user).values("pk"))

    def has_retract_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff and request.user.has_perm(verbs.RETRACT_PERMISSION)

    @admin.action(description=_("Retract selected messages"), permissions=["retract"])
    def retract_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        said = list(queryset.filter(kind=Message.Kind.MESSAGE, retracted_at=None).order_by("room_id", "pk"))
        for message in said:
            verbs.retract(message, cast(User, request.user))
        text = ngettext("%d message has been retracted.", "%d messages have been retracted.", len(said))
        self.message_user(request, text % len(said), messages.SUCCESS)

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        message = context["original"]
        said = message is not None and message.kind == Message.Kind.MESSAGE and message.retracted_at is None
        context["may_retract"] = said and self.has_retract_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.retract_view)
        return [path("<int:number>/retract/", view, name="live_message_retract"), *super().get_urls()]

    def retract_view(self, request: HttpRequest, number: int) -> HttpResponse:
        if request.method != "POST":
            raise Http404
        if not self.has_retract_permission(request):
            raise PermissionDenied
        message = get_object_or_404(self.get_queryset(request), pk=number)
        verbs.retract(message, cast(User, request.user))
        self.message_user(request, gettext("The message has been retracted."), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:live_message_change", args=[number]))
