"""How the admin writes: through the verbs, so that open pages see what was changed here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.forms import ModelForm
from django.http import HttpRequest


class VerbAdmin(admin.ModelAdmin):
    """The one base of every admin here. A subclass names its verbs, and overrides none of Django's own hooks below.

    Django writes a form within one transaction: the verb, then what belongs to the row (groups, inlines). So what a
    verb publishes on commit is seen with everything that was saved.
    """

    def save_verb(self, request: HttpRequest, obj: Any) -> None:
        """Store the row, new (`obj.pk` is None) or changed."""
        raise NotImplementedError

    def remove_verb(self, request: HttpRequest, obj: Any) -> None:
        """Delete the row."""
        raise NotImplementedError

    def related_verb(self, request: HttpRequest, obj: Any) -> None:
        """Called when what belongs to the row has been saved; for verbs that depend on it."""

    def save_model(self, request: HttpRequest, obj: models.Model, form: ModelForm, change: bool) -> None:
        self.save_verb(request, obj)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.related_verb(request, form.instance)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        self.remove_verb(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        with transaction.atomic():
            for obj in queryset.order_by("pk"):  # in the order in which everybody locks
                self.remove_verb(request, obj)


class NoAdding:
    """For rows that only come about elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NoChanging:
    """For rows that are only looked at; what may be done to them are actions with permissions of their own."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NoRemoving:
    """For rows that stay."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
