"""Sources in the admin: those that send, and those that Watchfloor fetches, each kind with a form of its own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from live.admin.writing import NoAdding, NoChanging, NoRemoving
from metrics.admin.tokens import TokenInline, WithTokens
from metrics.boards import verbs as boards
from metrics.sentences import told
from metrics.sources import attempts
from metrics.sources.forms import FIELDS, PullForm
from metrics.sources.models import Pull, Rejection, Source
from metrics.sources.pages import REASONS

OWN = (Source.Kind.HOST, Source.Kind.OWN)
MADE = [kind for kind in Source.Kind if kind not in OWN]
"""The kinds that people make; the others come about by themselves."""
TRY = "_try"
SHOWN = 200
"""Samples of a trial that are shown."""


class SourceForm(forms.ModelForm):
    """`kind` is that of a new source. A form that `tries` is judged as always and never valid, so nothing is saved."""

    kind: str = Source.Kind.PUSH
    tries = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.instance.kind = self.kind

    def is_valid(self) -> bool:
        return super().is_valid() and not self.tries


class PullInline(admin.StackedInline):
    """How the source is fetched. Whoever may change a source may say so."""

    model = Pull
    form = PullForm
    can_delete = False
    min_num = max_num = 1

    def get_formset(self, request: HttpRequest, obj: Source | None = None, **kwargs: Any) -> Any:
        kind = kind_of(request, obj)
        kwargs["form"] = type("KindPullForm", (PullForm,), {"kind": kind})
        return super().get_formset(request, obj, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        stored = obj is not None and Pull.objects.filter(source=obj).exclude(secret="").exists()
        return [name for name in FIELDS[kind_of(request, obj)] if name != "forget" or stored]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("metrics.add_source") or request.user.has_perm("metrics.change_source")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("metrics.change_source")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("metrics.view_source")


class RejectionInline(NoAdding, NoChanging, NoRemoving, admin.TabularInline):
    model = Rejection
    fields = ["words", "samples", "last_at", "told_example"]
    readonly_fields = ["words", "samples", "last_at", "told_example"]

    @admin.display(description=_("reason"))
    def words(self, obj: Rejection) -> str:
        return str(REASONS.get(obj.reason, obj.reason))

    @admin.display(description=_("example"))
    def told_example(self, obj: Rejection) -> str:
        return told(obj.example)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("metrics.view_source")


@admin.register(Source)
class SourceAdmin(WithTokens):
    list_display = ["name", "kind", "number_of_series", "last_seen_at", "refused", "told_error"]
    list_filter = ["kind", "last_seen_at"]
    search_fields = ["name"]
    search_help_text = _("Search in names.")
    readonly_fields = ["kind", "created_at", "last_seen_at", "refused", "told_error", "last_error_at"]
    form = SourceForm
    change_form_template = "admin/metrics/source/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(series_there=Count("series"))

    @admin.display(description=pgettext_lazy("many", "series"), ordering="series_there")
    def number_of_series(self, obj: Source) -> int:
        return getattr(obj, "series_there", 0)

    @admin.display(description=_("last error"))
    def told_error(self, obj: Source) -> str:
        return told(obj.last_error)

    def get_form(self, request: HttpRequest, obj: Source | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        tries = request.method == "POST" and TRY in request.POST
        return type("KindSourceForm", (form,), {"kind": kind_of(request, obj), "tries": tries})

    def get_fields(self, request: HttpRequest, obj: Source | None = None) -> Any:
        return ["name", *_settings(kind_of(request, obj)), *(self.readonly_fields if obj else [])]

    def get_inlines(self, request: HttpRequest, obj: Source | None) -> list:
        fetched = [PullInline] if kind_of(request, obj) in FIELDS else []
        if obj is None or obj.kind in OWN:
            return fetched
        return [*fetched, *([TokenInline] if obj.kind == Source.Kind.PUSH else []), RejectionInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> list[str]:
        # Open pages name the source; scripts ask for its tokens by name.
        return ["name", *self.readonly_fields] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        # Our own are made anew with the next tick.
        return super().has_delete_permission(request, obj) and (obj is None or obj.kind not in OWN)

    def save_verb(self, request: HttpRequest, obj: Source) -> None:
        # Senders write the other columns at any time.
        obj.save(update_fields=None if obj.pk is None else _settings(obj.kind))

    def related_verb(self, request: HttpRequest, obj: Source) -> None:
        # What was changed is seen to work, or not, at once.
        Pull.objects.filter(source=obj).update(due_at=None)

    def remove_verb(self, request: HttpRequest, obj: Source) -> None:
        boards.remove_source(obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """With "Try it now" nothing is saved: the source is fetched once as the form says, and shown beside it.

        It is fetched here, because Django reads and writes the form in a transaction, for whose end others wait.
        """
        response = super().changeform_view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            context = response.context_data
            kind = kind_of(request, context.get("original"))
            context |= {"kinds": MADE, "kind": kind, "fetched": kind in FIELDS}
            if TRY in request.POST and not context["errors"]:
                context["tried"] = _tried(context)
        return response


def kind_of(request: HttpRequest, obj: Source | None) -> str:
    """The source's kind; for a new one, the kind that the address asks for."""
    if obj is not None:
        return obj.kind
    asked = request.GET.get("kind", "")
    return asked if asked in MADE else Source.Kind.PUSH


def _settings(kind: str) -> list[str]:
    if kind in OWN:
        return []
    return ["labels", "series_limit", *(["rate_limit"] if kind == Source.Kind.PUSH else [])]


def _tried(context: dict[str, Any]) -> dict[str, Any] | None:
    found = [inline.formset for inline in context["inline_admin_formsets"] if inline.formset.model is Pull]
    if not found:
        return None
    pull = found[0].forms[0].instance
    pull.source = _storable(context["adminform"].form.instance)
    tried = attempts.try_pull(pull)
    return {
        "samples": tried.samples[:SHOWN],
        "total": len(tried.samples),
        "more": max(0, len(tried.samples) - SHOWN),
        "error": tried.error,
        "rejected": tried.rejected,
        "took_ms": tried.took_ms,
        "again": "secret" in found[0].forms[0].changed_data,
    }


def _storable(source: Source) -> Source:
    """A source that can be asked for: one that is not stored yet has an id that none has, in place of no id."""
    return source if source.pk else Source(pk=0, name=source.name, kind=source.kind, labels=source.labels)
