"""Series in the admin."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _

from live.admin.writing import NoAdding, NoChanging, NoRemoving, VerbAdmin
from live.clock import from_ms
from metrics.series.models import Series


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
