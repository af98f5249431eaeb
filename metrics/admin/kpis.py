"""KPIs in the admin."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from live.admin.writing import VerbAdmin
from metrics.boards import verbs as boards
from metrics.boards.models import Board
from metrics.kpis import verbs as kpis
from metrics.kpis.models import KPI


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
