"""Where samples come from, the tokens that let them in, and the lease that elects one collector."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

slug_like = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
    _("Start with a letter or a digit; go on with letters, digits, dots, hyphens and underscores."),
)


class SourceQuerySet(models.QuerySet["Source"]):
    def ensure(self, name: str, kind: str) -> Source:
        """The source with this name, made with `kind` when it is missing. Raises ValidationError for a bad name."""
        Source(name=name, kind=kind).full_clean(validate_unique=False, validate_constraints=False)
        return self.get_or_create(name=name, defaults={"kind": kind})[0]


class Source(models.Model):
    """Somebody who sends samples. Series belong to one source, so that two senders never mix their numbers."""

    class Kind(models.TextChoices):
        PUSH = "push", _("sends to /api/samples")
        HOST = "host", _("this machine")
        OWN = "own", _("Watchfloor's own figures")

    name = models.CharField(
        _("name"),
        max_length=64,
        unique=True,
        validators=[slug_like],
        help_text=_("Scripts ask for tokens by this name; it cannot be changed later."),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.PUSH)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_seen_at = models.DateTimeField(
        _("last seen"), null=True, editable=False, help_text=_("When it last sent a sample, to the minute.")
    )
    last_error = models.TextField(_("last error"), blank=True, editable=False)
    refused = models.BigIntegerField(
        _("samples refused"), default=0, editable=False, help_text=_("Samples of new series over the limit of series.")
    )

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("source")
        verbose_name_plural = _("sources")

    def __str__(self) -> str:
        return self.name


class SourceToken(models.Model):
    """A secret that lets one source send. Only its SHA-256 is kept."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="tokens", verbose_name=_("source"))
    name = models.CharField(_("name"), max_length=100, blank=True, help_text=_("Where this token is used."))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("source token")
        verbose_name_plural = _("source tokens")

    def __str__(self) -> str:
        return f"{self.prefix}…"


class Lease(models.Model):
    """The right to act for all processes. Times are the database's, so that processes' clocks need not agree."""

    name = models.CharField(max_length=30, unique=True)
    holder = models.CharField(max_length=200, blank=True)
    generation = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder} ({self.generation})"
