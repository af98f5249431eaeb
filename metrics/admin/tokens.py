"""The tokens of sources in the admin: made, rotated, revoked, and shown once."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from live.admin.writing import NoAdding, NoChanging, NoRemoving, VerbAdmin
from metrics.sources.models import Source, SourceToken
from metrics.sources.pages import standing
from metrics.sources.tokens import make_source_token, revoke_source_token, rotate_source_token


class TokenInline(NoAdding, NoChanging, NoRemoving, admin.TabularInline):
    """The tokens of a source, to be looked at; making and revoking have pages of their own."""

    model = SourceToken
    readonly_fields = ["prefix", "name", "created_at", "last_used_at", "revoked_at"]
    fields = ["prefix", "name", "created_at", "last_used_at", "revoked_at"]


class WithTokens(VerbAdmin):
    """The page of an admin of sources on which their tokens are made, rotated and revoked."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(never_cache(self.token_view))
        return [path("<int:number>/token/", view, name="metrics_source_token"), *super().get_urls()]

    def token_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """A new token is shown in the answer that makes it, and is kept in no message, address or log."""
        source = get_object_or_404(Source, pk=number, kind=Source.Kind.PUSH)
        if not request.user.has_perm("metrics.add_sourcetoken"):
            raise PermissionDenied
        if request.method == "POST" and "revoke" in request.POST:
            return self._revoke(request, source, _token(source, request.POST["revoke"]))
        old = _token(source, request.POST["rotate"]) if "rotate" in request.POST else None
        token = self._make(request, source, old) if request.method == "POST" else ""
        return render(request, "admin/metrics/source/token.html", self._context(request, source, token, old))

    def _make(self, request: HttpRequest, source: Source, old: SourceToken | None) -> str:
        """A new token, in the place of `old` when there is one; that one goes on until it is revoked."""
        token = rotate_source_token(old) if old else make_source_token(source, request.POST.get("name", "")[:100])
        self.log_change(request, source, gettext("Rotated a token.") if old else gettext("Made a token."))
        return token

    def _revoke(self, request: HttpRequest, source: Source, token: SourceToken) -> HttpResponse:
        if not request.user.has_perm("metrics.change_sourcetoken"):
            raise PermissionDenied
        revoke_source_token(token)
        self.log_change(request, source, gettext("Revoked a token."))
        self.message_user(request, gettext("%(token)s has been revoked.") % {"token": token}, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:metrics_source_token", args=[source.pk]), status=303)

    def _context(self, request: HttpRequest, source: Source, token: str, old: SourceToken | None) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {
            "title": pgettext("heading", "Tokens"),
            "subtitle": str(source),
            "opts": self.opts,
            "original": source,
            "token": token,
            "old": old,
            "standing": standing(source),
        }


def _token(source: Source, number: str) -> SourceToken:
    if not (number.isascii() and number.isdecimal()):
        raise Http404
    return get_object_or_404(source.tokens, pk=number, revoked_at=None)


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
