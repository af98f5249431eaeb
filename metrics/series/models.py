"""Series, their samples, and the roll-ups that are computed from them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Series(models.Model):
    """One stream of numbers: a name and labels from one source.

    `total` counts the samples ever stored; it is the series' version. `dirty_from` and `dirty_to` (epoch ms, null
    when clean) span the recent samples that the roll-ups do not know yet; hours with older ones are LateHour rows.
    `stale_at` (epoch ms) is when its sender said that it ended; a sample after that makes it live again.
    """

    class Kind(models.TextChoices):
        GAUGE = "gauge", _("gauge")
        COUNTER = "counter", _("counter")
        HISTOGRAM = "histogram", _("part of a histogram")
        SUMMARY = "summary", _("part of a summary")
        UNKNOWN = "unknown", _("unknown")

    source = models.ForeignKey("metrics.Source", models.CASCADE, related_name="series", verbose_name=_("source"))
    name = models.CharField(_("name"), max_length=200)
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    key = models.BinaryField(max_length=16)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.UNKNOWN)
    unit = models.CharField(_("unit"), max_length=32, blank=True)
    help = models.TextField(_("help"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_ts = models.BigIntegerField(null=True, editable=False)
    interval_ms = models.BigIntegerField(null=True, editable=False)
    total = models.BigIntegerField(_("samples stored"), default=0, editable=False)
    stale_at = models.BigIntegerField(null=True, editable=False)
    dirty_from = models.BigIntegerField(null=True, editable=False)
    dirty_to = models.BigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["name", "pk"]
        verbose_name = pgettext_lazy("one", "series")
        verbose_name_plural = pgettext_lazy("many", "series")
        constraints = [
            # The identity, and the look-up of a series by what was sent.
            models.UniqueConstraint(fields=["source", "key"], name="series_identity"),
        ]
        indexes = [
            # KPIs select series by name.
            models.Index(fields=["name"], name="series_name"),
        ]

    def __str__(self) -> str:
        labels = ", ".join(f'{name}="{value}"' for name, value in sorted(self.labels.items()))
        return f"{self.name}{{{labels}}}" if labels else self.name


class Sample(models.Model):
    """One number at one time (`ts` in epoch ms). The first value for a time wins.

    The table is made by hand in migration 0006: WITHOUT ROWID on SQLite, a partition per day on PostgreSQL.
    """

    pk = models.CompositePrimaryKey("series", "ts")
    # The primary key begins with the series, so it needs no index of its own. Storing holds the series' row, so that a
    # constraint would only ask again, for each sample.
    series = models.ForeignKey(Series, models.CASCADE, related_name="samples", db_index=False, db_constraint=False)
    ts = models.BigIntegerField()
    value = models.FloatField()


class Rollup(models.Model):
    """What a bucket's samples come to. `res` is its length in seconds, `t` its start in epoch ms.

    `inc` is the increase of a counter, corrected for resets, with the step from the last sample before the bucket.
    """

    pk = models.CompositePrimaryKey("series", "res", "t")
    series = models.ForeignKey(Series, models.CASCADE, related_name="rollups", db_index=False)
    res = models.PositiveSmallIntegerField()
    t = models.BigIntegerField()
    n = models.IntegerField()
    sum = models.FloatField()
    min = models.FloatField()
    max = models.FloatField()
    first = models.FloatField()
    last = models.FloatField()
    last_ts = models.BigIntegerField()
    inc = models.FloatField()


class LateHour(models.Model):
    """An hour (`t`, its start in epoch ms) of a series that got late samples, which the roll-ups do not know yet."""

    pk = models.CompositePrimaryKey("series", "t")
    series = models.ForeignKey(Series, models.CASCADE, related_name="late_hours", db_index=False)
    t = models.BigIntegerField()
