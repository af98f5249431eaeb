from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PersonalTokenQuerySet(models.QuerySet):
    def alive(self) -> PersonalTokenQuerySet:
        return self.filter(revoked_at=None, user__is_active=True)


class PersonalToken(models.Model):
    """Lets a program act as a person. Only the token's digest is stored; the token itself was shown once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="personal_tokens", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=80, blank=True, help_text=_("What the token is for."))
    prefix = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(_("SHA-256"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now)
    last_used_at = models.DateTimeField(_("last used"), null=True, help_text=_("Right to the minute."))
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = PersonalTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("personal token")
        verbose_name_plural = _("personal tokens")

    def __str__(self) -> str:
        return f"{self.prefix}…"
