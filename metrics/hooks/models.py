"""Which announcement stands for which alert of another system."""

from __future__ import annotations

from django.db import models


class Hooked(models.Model):
    """An alert that a webhook told of: one announcement for each fingerprint that a source sends."""

    source = models.ForeignKey("metrics.Source", models.CASCADE, related_name="hooked")
    fingerprint = models.CharField(max_length=200)
    announcement = models.OneToOneField("live.Announcement", models.CASCADE, related_name="hooked")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "fingerprint"], name="hooked_once")]

    def __str__(self) -> str:
        return f"{self.source}: {self.fingerprint}"
