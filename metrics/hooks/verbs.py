"""Alerts of a source become announcements, one for each fingerprint, for as long as they fire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import models, transaction

from live.announcements.models import Announcement
from live.announcements.verbs import announce, change, withdraw
from metrics.hooks.alerts import Alert, Severity
from metrics.hooks.models import Hooked
from metrics.ingest.calls import Sender
from metrics.sources.models import Source

STANDING = 50
"""Announcements of one source that stand at the same time: more would bury the pages, which show all of them."""
BY_URGENCY = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


@dataclass(slots=True)
class Told:
    """How many alerts were announced anew or in other words, ended, and left out for want of room."""

    announced: int = 0
    ended: int = 0
    left_out: list[Alert] = field(default_factory=list)


def tell(sender: Sender, alerts: Iterable[Alert], now: datetime) -> Told:
    """Announce what fires, change what reads otherwise now, withdraw what has ended. The last of each counts."""
    by_fingerprint = {alert.fingerprint: alert for alert in alerts}
    told = Told()
    with transaction.atomic():
        # Two requests about the same alert take turns; the samples of the source need not wait for them.
        if not Source.objects.select_for_update(no_key=True).filter(pk=sender.id).first():
            return told
        known = {hooked.fingerprint: hooked for hooked in _hooked(sender).filter(fingerprint__in=by_fingerprint)}
        for alert in sorted(by_fingerprint.values(), key=_order):
            _tell(sender, alert, known.get(alert.fingerprint), now, told)
    return told


def _order(alert: Alert) -> tuple[bool, int]:
    """What has ended makes room first, then the most urgent takes it."""
    return alert.fires, BY_URGENCY.index(Severity(alert.severity))


def _tell(sender: Sender, alert: Alert, hooked: Hooked | None, now: datetime, told: Told) -> None:
    if not alert.fires:
        told.ended += hooked is not None and _end(hooked, now)
    elif hooked and not _is_over(hooked.announcement, now):
        told.announced += _retell(hooked.announcement, alert)
    elif hooked and _was_firing(alert, hooked.announcement):
        pass  # somebody has ended the announcement by hand, and nothing has happened since
    elif _standing(sender, now) >= STANDING:
        told.left_out.append(alert)
    else:
        _announce(sender, alert, now)
        told.announced += 1


def _hooked(sender: Sender) -> models.QuerySet[Hooked]:
    return Hooked.objects.filter(source=sender.id).select_related("announcement")


def _standing(sender: Sender, now: datetime) -> int:
    return Announcement.objects.standing(now).filter(hooked__source=sender.id).count()


def _announce(sender: Sender, alert: Alert, now: datetime) -> None:
    announcement = Announcement(
        title=alert.title, text=alert.text, severity=alert.severity, starts_at=_start(alert, now)
    )
    announce(announcement, by=sender.name)
    Hooked.objects.update_or_create(
        source_id=sender.id, fingerprint=alert.fingerprint, defaults={"announcement": announcement}
    )


def _said(alert: Alert) -> dict[str, str]:
    return {"title": alert.title, "text": alert.text, "severity": alert.severity}


def _start(alert: Alert, now: datetime) -> datetime:
    """By the sender's clock, unless that is ahead of ours: the announcement would be one for later."""
    return min(alert.since or now, now)


def _retell(announcement: Announcement, alert: Alert) -> bool:
    """Whether it reads otherwise than before."""
    said = _said(alert)
    if all(getattr(announcement, name) == value for name, value in said.items()):
        return False
    for name, value in said.items():
        setattr(announcement, name, value)
    change(announcement)
    return True


def _end(hooked: Hooked, now: datetime) -> bool:
    """Whether it stood until now. When the alert fires again, it is another announcement."""
    hooked.delete()
    return not _is_over(hooked.announcement, now) and withdraw(hooked.announcement)


def _is_over(announcement: Announcement, now: datetime) -> bool:
    expires_at = announcement.expires_at
    return announcement.withdrawn_at is not None or (expires_at is not None and expires_at <= now)


def _was_firing(alert: Alert, announcement: Announcement) -> bool:
    """Whether the alert has fired since before its announcement ended."""
    ended_at = announcement.withdrawn_at or announcement.expires_at
    return alert.since is not None and ended_at is not None and alert.since <= ended_at
