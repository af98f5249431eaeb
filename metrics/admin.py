"""Django admin of KPIs, boards, sources and their tokens. It writes through verbs, so that open pages see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from live.admin.writing import NoAdding, NoChanging, NoRemoving, VerbAdmin
from live.clock import from_ms
from metrics.boards import verbs as boards
from metrics.boards.models import Board, BoardTile
from metrics.kpis import verbs as kpis
from metrics.kpis.models import KPI
from metrics.series.models import Series
from metrics.sources.models import Source, SourceToken
from metrics.sources.tokens import make_source_token, revoke_source_token


@admin.register(KPI)
class KPIAdmin(VerbAdmin):
    list_display = ["name", "metric", "warn", "critical", "unit", "direction", "matches", "source"]
    list_editable = ["warn", "critical"]
    list_filter = ["boards", "source", "polarity", "direction", ("critical", admin.EmptyFieldListFilter)]
    list_select_related = ["source"]
    search_fields = ["name", "slug", "metric"]
    search_help_text = _("Search in names and metrics.")
    autocomplete_fields = ["source"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "metric", "source", "labels", "matches"]}),
        (_("Shown as"), {"fields": ["unit", "precision", "polarity"]}),
        (_("Limits"), {"fields": ["warn", "critical", "direction", "stale_after_s"]}),
    ]
    readonly_fields = ["slug", "matches"]
    actions = ["put_on_default_board"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(matching=Count("series"))

    @admin.display(description=pgettext_lazy("many", "series"), ordering="matching")
    def matches(self, obj: KPI) -> int:
        """How many series it is the sum of, silent ones included."""
        return getattr(obj, "matching", 0)

    def save_verb(self, request: HttpRequest, obj: KPI) -> None:
        if obj.pk is None:
            kpis.make_kpi(obj)
        else:
            kpis.change_kpi(obj)

    def remove_verb(self, request: HttpRequest, obj: KPI) -> None:
        kpis.remove_kpi(obj)

    @admin.action(description=_("Put selected KPIs on the default board"), permissions=["change"])
    def put_on_default_board(self, request: HttpRequest, queryset: QuerySet) -> None:
        board = get_object_or_404(Board, is_default=True)
        with transaction.atomic():
            for kpi in queryset:
                boards.put_on_board(board, kpi)
        self.message_user(request, gettext("Done: they are on %(board)s.") % {"board": board}, messages.SUCCESS)


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


class TokenInline(NoAdding, NoChanging, NoRemoving, admin.TabularInline):
    """The tokens of a source, to be looked at; making and revoking have pages of their own."""

    model = SourceToken
    readonly_fields = ["prefix", "name", "created_at", "last_used_at", "revoked_at"]
    fields = ["prefix", "name", "created_at", "last_used_at", "revoked_at"]


@admin.register(Source)
class SourceAdmin(VerbAdmin):
    list_display = ["name", "kind", "number_of_series", "last_seen_at", "refused", "last_error"]
    list_filter = ["kind", "last_seen_at"]
    search_fields = ["name"]
    search_help_text = _("Search in names.")
    fields = ["name", "kind", "created_at", "last_seen_at", "refused", "last_error"]
    readonly_fields = ["kind", "created_at", "last_seen_at", "refused", "last_error"]
    change_form_template = "admin/metrics/source/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(series_there=Count("series"))

    @admin.display(description=pgettext_lazy("many", "series"), ordering="series_there")
    def number_of_series(self, obj: Source) -> int:
        return getattr(obj, "series_there", 0)

    def get_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        return self.fields if obj else ["name"]

    def get_inlines(self, request: HttpRequest, obj: Source | None) -> list:
        return [TokenInline] if obj and obj.kind == Source.Kind.PUSH else []

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        # Open pages name the source; scripts ask for its tokens by name.
        return ["name", *self.readonly_fields] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        # The others are made anew with the next tick.
        return super().has_delete_permission(request, obj) and (obj is None or obj.kind == Source.Kind.PUSH)

    def save_verb(self, request: HttpRequest, obj: Source) -> None:
        obj.save()

    def remove_verb(self, request: HttpRequest, obj: Source) -> None:
        boards.remove_source(obj)

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(never_cache(self.token_view))
        return [path("<int:number>/token/", view, name="metrics_source_token"), *super().get_urls()]

    def token_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Make a token and show it in this answer: it is kept in no message, address or log."""
        source = get_object_or_404(Source, pk=number, kind=Source.Kind.PUSH)
        if not request.user.has_perm("metrics.add_sourcetoken"):
            raise PermissionDenied
        token = make_source_token(source, request.POST.get("name", "")[:100]) if request.method == "POST" else ""
        if token:
            self.log_change(request, source, gettext("Made a token."))
        context = {
            "title": pgettext("heading", "Make a token"),
            "subtitle": str(source),
            "opts": self.opts,
            "original": source,
        }
        context |= self.admin_site.each_context(request) | {"token": token}
        return render(request, "admin/metrics/source/token.html", context)


@admin.register(SourceToken)
class SourceTokenAdmin(NoAdding, NoChanging, NoRemoving, VerbAdmin):
    """Tokens are made on their source's page; here they can be ended."""

    list_display = ["source", "name", "prefix", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["source", ("revoked_at", admin.EmptyFieldListFilter), "last_used_at"]
    list_select_related = ["source"]
    search_fields = ["source__name", "name", "prefix"]
    search_help_text = _("Search in names of sources and tokens, and in how tokens begin.")
    fields = ["source", "name", "prefix", "created_at", "last_used_at", "revoked_at"]
    actions = ["revoke_selected"]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("metrics.change_sourcetoken")

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        standing = list(queryset.filter(revoked_at=None))
        for token in standing:
            revoke_source_token(token)
        text = ngettext("%d token has been revoked.", "%d tokens have been revoked.", len(standing))
        self.message_user(request, text % len(standing), messages.SUCCESS)


@admin.register(Series)
class SeriesAdmin(NoAdding, NoChanging, NoRemoving, VerbAdmin):
    """What has been sent, to be looked up; series come about by sending."""

    list_display = ["__str__", "source", "unit", "last_sample", "interval", "total"]
    list_filter = ["source", "kind", "created_at"]
    list_select_related = ["source"]
    search_fields = ["name", "source__name"]
    search_help_text = _("Search in names of series and sources.")
    show_full_result_count = False
    fields = ["name", "labels", "source", "kind", "unit", "help", "created_at", "last_sample", "interval", "total"]

    @admin.display(description=_("last sample"), ordering="last_ts")
    def last_sample(self, obj: Series) -> str:
        return self._written(None if obj.last_ts is None else timezone.localtime(from_ms(obj.last_ts)))

    @admin.display(description=_("seconds between samples"), ordering="interval_ms")
    def interval(self, obj: Series) -> str:
        return self._written(None if obj.interval_ms is None else obj.interval_ms / 1000)

    def _written(self, value: datetime | float | None) -> str:
        # Django prints what a form only shows in UTC and in English, and nothing as "None".
        return self.get_empty_value_display() if value is None else formats.localize(value)
