"""Where samples come from, the tokens that let them in, and the lease that elects one collector."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from metrics.sentences import SentenceField

slug_like = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
    _("Start with a letter or a digit; go on with letters, digits, dots, hyphens and underscores."),
)


def validate_labels(labels: object) -> None:
    """Raises ValidationError unless `labels` is an object of texts, such as {"site": "riga"}."""
    is_flat = isinstance(labels, dict) and all(isinstance(text, str) for pair in labels.items() for text in pair)
    if not is_flat:
        raise ValidationError(_('Give names and texts, such as {"site": "riga"}.'), code="not_labels")


class SourceQuerySet(models.QuerySet["Source"]):
    def ensure(self, name: str, kind: str) -> Source:
        """The source with this name, made with `kind` when it is missing. Raises ValidationError for a bad name."""
        Source(name=name, kind=kind).full_clean(validate_unique=False, validate_constraints=False)
        return self.get_or_create(name=name, defaults={"kind": kind})[0]


class Source(models.Model):
    """Somebody who sends samples. Series belong to one source, so that two senders never mix their numbers."""

    class Kind(models.TextChoices):
        PUSH = "push", _("sends by itself")
        HOST = "host", _("this machine")
        OWN = "own", _("Watchfloor's own figures")
        SCRAPE = "scrape", _("Prometheus exporter")
        PROMQL = "promql", _("PromQL server")
        HTTP = "http", _("HTTP with JSON")
        SQL = "sql", _("SQL database")

    name = models.CharField(
        _("name"),
        max_length=64,
        unique=True,
        validators=[slug_like],
        help_text=_("Scripts ask for tokens by this name; it cannot be changed later."),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.PUSH)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    labels = models.JSONField(
        _("labels"),
        default=dict,
        blank=True,
        validators=[validate_labels],
        help_text=_('Added to everything that it sends and that has no such label, such as {"site": "riga"}.'),
    )
    series_limit = models.PositiveIntegerField(
        _("most series"),
        default=2_000,
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text=_("Above it, series that are there go on, and new ones are refused."),
    )
    rate_limit = models.PositiveIntegerField(_("most samples a second"), default=0, help_text=_("0: as many as come."))
    last_seen_at = models.DateTimeField(
        _("last seen"), null=True, editable=False, help_text=_("When it last sent a sample, to the minute.")
    )
    last_error = SentenceField(_("last error"), blank=True, editable=False)
    last_error_at = models.DateTimeField(_("time of the last error"), null=True, editable=False)
    skew_ms = models.BigIntegerField(
        _("clock skew"), null=True, editable=False, help_text=_("How far its clock is behind ours, in ms.")
    )
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


class Rejection(models.Model):
    """How many samples of a source were rejected for one reason (metrics.ingest.calls.Reason), and the last example."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="rejections", verbose_name=_("source"))
    reason = models.CharField(_("reason"), max_length=20)
    samples = models.BigIntegerField(_("samples"), default=0)
    last_at = models.DateTimeField(_("last time"))
    example = SentenceField(_("example"), blank=True)

    class Meta:
        ordering = ["-last_at"]
        verbose_name = _("rejection")
        verbose_name_plural = _("rejections")
        constraints = [models.UniqueConstraint(fields=["source", "reason"], name="rejection_once")]

    def __str__(self) -> str:
        return f"{self.source}: {self.reason} ({self.samples})"


class Pull(models.Model):
    """How Watchfloor fetches a source of a pulled kind: what is asked, how often, and how the last time went.

    Which fields count depends on the source's kind; `metrics.sources.pulling` says which.
    """

    source = models.OneToOneField(Source, models.CASCADE, related_name="pull", verbose_name=_("source"))
    enabled = models.BooleanField(_("switched on"), default=True)
    interval_s = models.PositiveIntegerField(
        _("interval, in seconds"), default=15, validators=[MinValueValidator(1), MaxValueValidator(86_400)]
    )
    timeout_s = models.PositiveIntegerField(
        _("time limit, in seconds"), default=5, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    url = models.CharField(_("address"), max_length=2_000, blank=True)
    user = models.CharField(_("user name"), max_length=200, blank=True)
    secret = models.CharField(_("password or token"), max_length=500, blank=True)
    names = models.TextField(
        _("wanted names"), blank=True, help_text=_("One a line, * stands for anything; empty: everything.")
    )
    query = models.TextField(_("query"), blank=True)
    values = models.JSONField(_("values"), default=list, blank=True)
    database = models.CharField(_("database"), max_length=100, blank=True)
    due_at = models.DateTimeField(null=True, editable=False)
    succeeded_at = models.DateTimeField(_("last success"), null=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    took_ms = models.PositiveIntegerField(_("took, in ms"), null=True, editable=False)
    samples = models.PositiveIntegerField(_("samples the last time"), null=True, editable=False)

    class Meta:
        verbose_name = _("fetching")
        verbose_name_plural = _("fetching")

    def __str__(self) -> str:
        return str(self.source)


class SourceToken(models.Model):
    """A secret that lets one source send. Only its SHA-256 is kept."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="tokens", verbose_name=_("source"))
    name = models.CharField(_("name"), max_length=100, blank=True, help_text=_("Where this token is used."))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    successor = models.ForeignKey(
        "self", models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("replaced by")
    )

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
