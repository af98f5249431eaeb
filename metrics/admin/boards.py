"""Boards and their tiles in the admin."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from live.admin.writing import VerbAdmin
from metrics.boards import verbs as boards
from metrics.boards.models import Board, BoardTile


class TileInline(admin.TabularInline):
    model = BoardTile
    fields = ["kpi", "position"]
    autocomplete_fields = ["kpi"]
    ordering = ["position", "pk"]
    extra = 1


@admin.register(Board)
class BoardAdmin(VerbAdmin):
    list_display = ["name", "slug", "access", "room", "number_of_tiles", "position", "is_default"]
    list_editable = ["position"]
    list_filter = ["access", "groups", "room"]
    list_select_related = ["room"]
    search_fields = ["name", "slug"]
    search_help_text = _("Search in names.")
    ordering = ["position", "name"]
    fields = ["name", "slug", "access", "groups", "room", "position", "is_default"]
    filter_horizontal = ["groups"]
    inlines = [TileInline]
    actions = ["make_default"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(tiles_there=Count("tiles"))

    @admin.display(description=_("tiles"), ordering="tiles_there")
    def number_of_tiles(self, obj: Board) -> int:
        return getattr(obj, "tiles_there", 0)

    def get_readonly_fields(self, request: HttpRequest, obj: Board | None = None) -> list[str]:
        # The slug is in the address of every open page of the board.
        return ["slug", "is_default"] if obj else ["is_default"]

    def has_delete_permission(self, request: HttpRequest, obj: Board | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.is_default)

    def save_verb(self, request: HttpRequest, obj: Board) -> None:
        boards.save_board(obj)

    def remove_verb(self, request: HttpRequest, obj: Board) -> None:
        boards.remove_board(obj)

    @admin.action(description=_("Make the selected board the default"), permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet) -> None:
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, gettext("Select one board: there is one default."), messages.ERROR)
            return
        boards.make_default(chosen[0])
        text = gettext("%(board)s is the default board now.") % {"board": chosen[0]}
        self.message_user(request, text, messages.SUCCESS)
