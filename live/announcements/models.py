from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AnnouncementQuerySet(models.QuerySet):
    def standing(self, now: datetime) -> AnnouncementQuerySet:
        """Shown now, or to be shown later."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), withdrawn_at=None)

    def ended(self, now: datetime) -> AnnouncementQuerySet:
        """Expired or withdrawn, the newest first."""
        return self.filter(Q(withdrawn_at__isnull=False) | Q(expires_at__lte=now)).order_by("-starts_at", "-pk")


class Announcement(models.Model):
    class Severity(models.TextChoices):
        INFO = "info", _("Info")
        WARNING = "warning", _("Warning")
        CRITICAL = "critical", _("Critical")

    title = models.CharField(_("title"), max_length=80)
    text = models.TextField(_("text"), max_length=2000)
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices, default=Severity.INFO)
    starts_at = models.DateTimeField(_("start"), default=timezone.now, help_text=_("Shown from then on."))
    expires_at = models.DateTimeField(
        _("expiry"), null=True, blank=True, help_text=_("Gone from then on. Empty: shown until it is withdrawn.")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("author")
    )
    author_name = models.CharField(_("author's name"), max_length=150, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        constraints = [
            # One that ends before it starts would never be seen.
            models.CheckConstraint(condition=Q(expires_at__gt=F("starts_at")), name="live_announcement_lasts"),
        ]
        indexes = [
            # Every page asks for those that stand, which are few among all that ever were.
            models.Index(fields=["expires_at"], name="live_announcement_standing", condition=Q(withdrawn_at=None)),
            # The list of those that ended, page by page.
            models.Index(fields=["-starts_at", "-id"], name="live_announcement_by_start"),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.expires_at and self.starts_at and self.expires_at <= self.starts_at:
            raise ValidationError({"expires_at": _("The expiry must be later than the start.")})


class AnnouncementList(models.Model):
    """The one row that owns the announcements' topics: its version goes up with every change of any of them."""

    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            # A second row would be a second truth.
            models.CheckConstraint(condition=Q(pk=1), name="live_announcement_list_once"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"
