"""The lease that makes one process the collector. Every clock in it is the database's."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from metrics.sources.models import Lease

COLLECTOR = "collector"
LENGTH = timedelta(seconds=10)
"""Somebody else has taken over 11 s after a holder's end, since each process asks once a second."""


class LeaseLost(Exception):
    """Another process holds the lease now; this one must not write."""


def take(holder: str) -> int | None:
    """Take the lease when it is free; return its new generation, or None when somebody holds it.

    A holder that sits in a transaction has the row locked: it is passed over, not waited for.
    """
    if not Lease.objects.filter(name=COLLECTOR).exists():
        Lease.objects.bulk_create([Lease(name=COLLECTOR, expires_at=Now() - LENGTH)], ignore_conflicts=True)
    with transaction.atomic():
        free = Q(name=COLLECTOR, expires_at__lt=Now())
        lease = Lease.objects.select_for_update(skip_locked=True).filter(free).first()
        if lease is None:
            return None
        Lease.objects.filter(pk=lease.pk).update(
            holder=holder, generation=F("generation") + 1, expires_at=Now() + LENGTH
        )
        return lease.generation + 1


def check(generation: int) -> None:
    """Begin a collector's transaction: raise LeaseLost unless this generation still holds, and renew the lease.

    The row stays locked until the transaction ends, so nobody takes over in the middle of it.
    """
    _end_frozen_transactions()
    if not Lease.objects.filter(name=COLLECTOR, generation=generation).update(expires_at=Now() + LENGTH):
        raise LeaseLost


def release(generation: int) -> None:
    """Let the next process take over at once."""
    Lease.objects.filter(name=COLLECTOR, generation=generation).update(expires_at=Now() - LENGTH)


def _end_frozen_transactions() -> None:
    """Let PostgreSQL end a transaction whose process stands still: it would keep the lease's row locked for ever."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10s'")
