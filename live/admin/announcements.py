from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from live.admin.writing import VerbAdmin
from live.announcements import verbs
from live.announcements.forms import AnnouncementForm
from live.announcements.models import Announcement


@admin.register(Announcement)
class AnnouncementAdmin(VerbAdmin):
    form = AnnouncementForm
    list_display = ["title", "severity", "starts_at", "expires_at", "withdrawn_at", "author_name"]
    list_filter = ["severity", ("withdrawn_at", admin.EmptyFieldListFilter), "starts_at"]
    search_fields = ["title", "text", "author_name"]
    search_help_text = _("Search in titles, texts and authors' names.")
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]
    fields = ["title", "text", "severity", "starts_at", "expires_at", "author_name", "withdrawn_at", "changed_at"]
    readonly_fields = ["author_name", "withdrawn_at", "changed_at"]
    actions = ["withdraw_selected"]

    def save_verb(self, request: HttpRequest, obj: Announcement) -> None:
        if obj.pk is None:
            verbs.announce(obj, by=request.user)
        else:
            verbs.change(obj)

    def remove_verb(self, request: HttpRequest, obj: Announcement) -> None:
        verbs.remove(obj)

    @admin.action(description=_("Withdraw selected announcements"), permissions=["change"])
    def withdraw_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        count = sum(verbs.withdraw(announcement) for announcement in queryset)
        text = ngettext("%d announcement has been withdrawn.", "%d announcements have been withdrawn.", count)
        self.message_user(request, text % count, messages.SUCCESS)
