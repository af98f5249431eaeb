from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from live.announcements.models import Announcement

PAGE_FORMAT = "%Y-%m-%dT%H:%M"


class AnnouncementForm(forms.ModelForm):
    """An announcement as people write it; times are those of the time zone that the page shows."""

    class Meta:
        model = Announcement
        fields = ["title", "text", "severity", "starts_at", "expires_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts_at"].required = False

    def clean_starts_at(self) -> datetime:
        return self.cleaned_data["starts_at"] or timezone.now()

    def clean_expires_at(self) -> datetime | None:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at and "expires_at" in self.changed_data and expires_at <= timezone.now():
            raise forms.ValidationError(_("The expiry must lie in the future."))
        return expires_at


class PageForm(AnnouncementForm):
    """The form on the announcements' page, with the browser's own field for a time."""

    class Meta(AnnouncementForm.Meta):
        field_classes = {"starts_at": forms.DateTimeField, "expires_at": forms.DateTimeField}
        widgets = {
            name: forms.DateTimeInput({"type": "datetime-local"}, format=PAGE_FORMAT)
            for name in ("starts_at", "expires_at")
        } | {"text": forms.Textarea({"rows": 3}), "title": forms.TextInput({"autocomplete": "off"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts_at"].initial = None
        for name in ("starts_at", "expires_at"):
            # The browser sends the seconds only where somebody entered them.
            cast(forms.DateTimeField, self.fields[name]).input_formats = [PAGE_FORMAT, f"{PAGE_FORMAT}:%S"]
