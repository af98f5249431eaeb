"""KPIs: which series make a number, what it is called, and when it is good, worrying or bad."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LARGEST = 1e300
"""Limits stay below this, so that no arithmetic on them overflows."""


def validate_finite(value: float) -> None:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise ValidationError(_("Give a finite number."), code="not_finite")


def validate_matchers(labels: object) -> None:
    """Raises ValidationError unless `labels` is an object of texts, such as {"region": "eu"}."""
    is_flat = isinstance(labels, dict) and all(isinstance(text, str) for pair in labels.items() for text in pair)
    if not is_flat:
        raise ValidationError(_('Give names and texts, such as {"region": "eu"}.'), code="not_labels")


class Polarity(models.TextChoices):
    UP_GOOD = "up_good", _("more is better")
    DOWN_GOOD = "down_good", _("less is better")
    NEUTRAL = "neutral", _("neither")


class Direction(models.TextChoices):
    ABOVE = "above", _("above the limits")
    BELOW = "below", _("below the limits")


def limit(label: StrOrPromise, help_text: StrOrPromise) -> models.FloatField:
    return models.FloatField(label, null=True, blank=True, validators=[validate_finite], help_text=help_text)


class KPI(models.Model):
    """A number that people watch: the sum of the newest values of all live series that match.

    `series` holds the matches, so that reading needs no matching; `metrics.kpis.binding` keeps it up. Whatever
    changes the row or its matches adds one to `version`.
    """

    slug = models.SlugField(
        _("short name"),
        max_length=60,
        unique=True,
        editable=False,
        help_text=_("Made from the name once; stays as it is."),
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What the tile is called."))
    metric = models.CharField(
        _("metric"),
        # The longest text that fits into an index of PostgreSQL whatever its characters.
        max_length=600,
        help_text=_("The name that the numbers are sent under, such as orders; for a PromQL server, an expression."),
    )
    source = models.ForeignKey(
        "metrics.Source",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="kpis",
        verbose_name=_("source"),
        help_text=_("Only what this source sends; empty: what any source sends."),
    )
    labels = models.JSONField(
        _("labels"),
        default=dict,
        blank=True,
        validators=[validate_matchers],
        help_text=_('Only series with all of these labels, such as {"region": "eu"}.'),
    )
    unit = models.CharField(
        _("unit"), max_length=32, blank=True, help_text=_("Such as %, ms, B or B/s; bytes are scaled to kB, MB, GB.")
    )
    precision = models.PositiveSmallIntegerField(
        _("decimal places"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(9)],
        help_text=_("Empty: three significant figures."),
    )
    polarity = models.CharField(
        _("what is better"),
        max_length=10,
        choices=Polarity.choices,
        default=Polarity.NEUTRAL,
        help_text=_("Decides whether a change is shown as good or bad."),
    )
    warn = limit(_("warning limit"), _("The value may be exactly this; beyond it the tile warns."))
    critical = limit(_("critical limit"), _("Beyond this the tile is critical."))
    direction = models.CharField(_("worrying is"), max_length=5, choices=Direction.choices, default=Direction.ABOVE)
    stale_after_s = models.PositiveIntegerField(
        _("stale after, in seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: after three of the intervals at which samples come, and no sooner than 5 seconds."),
    )
    series = models.ManyToManyField(
        "metrics.Series", related_name="kpis", editable=False, verbose_name=pgettext_lazy("many", "series")
    )
    version = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = _("KPI")
        verbose_name_plural = _("KPIs")
        constraints = [
            # A value that is critical has passed the warning on its way.
            models.CheckConstraint(
                name="kpi_limits_in_order",
                condition=Q(warn__isnull=True)
                | Q(critical__isnull=True)
                | Q(direction=Direction.ABOVE, warn__lte=models.F("critical"))
                | Q(direction=Direction.BELOW, warn__gte=models.F("critical")),
                violation_error_message=_("The critical limit must lie beyond the warning limit."),
            ),
            # PostgreSQL stores NaN and infinity, which no value ever passes and no chart can draw.
            models.CheckConstraint(
                name="kpi_limits_finite",
                condition=(Q(warn__isnull=True) | Q(warn__range=(-LARGEST, LARGEST)))
                & (Q(critical__isnull=True) | Q(critical__range=(-LARGEST, LARGEST))),
                violation_error_message=_("Give a finite number."),
            ),
            # After no time at all every value would be stale.
            models.CheckConstraint(
                name="kpi_stale_after_positive", condition=Q(stale_after_s__isnull=True) | Q(stale_after_s__gte=1)
            ),
        ]
        indexes = [
            # New series look for KPIs by the name they were sent under.
            models.Index(fields=["metric"], name="kpi_metric"),
        ]

    def __str__(self) -> str:
        return self.name


class RemoteWindow(models.Model):
    """What a PromQL server last said of a KPI's expression; replaced with every answer, so that no history is kept.

    `tracks` are the series as objects with `labels` (an object of texts) and `points`, pairs of ts (epoch ms) and
    value, oldest first; they count only while `source` and `expression` are the KPI's. `asked_at` is in epoch ms.
    """

    kpi = models.OneToOneField(KPI, models.CASCADE, primary_key=True, related_name="window")
    source = models.ForeignKey("metrics.Source", models.CASCADE, related_name="+")
    expression = models.CharField(max_length=600)
    asked_at = models.BigIntegerField()
    interval_ms = models.BigIntegerField()
    tracks = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.kpi_id}: {self.expression}"
