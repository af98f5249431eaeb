"""Who somebody is and what they may see, as plain values that can be compared and kept beside a socket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

STAFF_GROUP = "Staff"
OPERATORS_GROUP = "Operators"


class Access(models.TextChoices):
    PUBLIC = "public", _("everybody, guests included")
    SIGNED_IN = "signed_in", _("everybody who is signed in")
    GROUPS = "groups", _("chosen groups")


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in person or a guest, with everything that rights depend on.

    Two equal persons have equal rights, so a changed `Person` is how an open socket learns of a lost right.
    `password` is the stored hash: a changed password ends the sessions that were made with the old one.
    """

    id: int | None = None
    name: str = ""
    is_staff: bool = False
    is_superuser: bool = False
    groups: frozenset[int] = frozenset()
    permissions: frozenset[str] = frozenset()
    password: str = ""

    @property
    def is_guest(self) -> bool:
        return self.id is None

    def may(self, permission: str) -> bool:
        """Whether the permission ("live.add_announcement") is held."""
        return self.is_superuser or permission in self.permissions


GUEST = Person()


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may watch a topic. `permission` and `person` narrow the access further when set."""

    access: str = Access.PUBLIC
    groups: frozenset[int] = frozenset()
    permission: str = ""
    person: int | None = None

    def admits(self, person: Person) -> bool:
        if self.person is not None and self.person != person.id:
            return False
        if self.permission and not person.may(self.permission):
            return False
        if self.access == Access.PUBLIC or person.is_superuser:
            return True
        if self.access == Access.SIGNED_IN:
            return not person.is_guest
        return not self.groups.isdisjoint(person.groups)


class AudienceQuerySet(models.QuerySet):
    def visible_to(self, user: Any) -> Self:
        """The rows that the user (a Django user or AnonymousUser) may see."""
        if user.is_superuser:
            return self
        if isinstance(user, AnonymousUser) or not user.is_active:
            return self.filter(access=Access.PUBLIC)
        mine = Q(access=Access.GROUPS, groups__in=user.groups.all())
        return self.filter(Q(access__in=[Access.PUBLIC, Access.SIGNED_IN]) | mine).distinct()

    def audiences(self, field: str = "slug") -> dict[str, Audience]:
        """Each row's audience by the value of `field`; at most two queries."""
        groups: dict[int, set[int]] = {}
        rows = list(self.values_list("pk", field, "access"))
        link: Any = self.model._meta.get_field("groups").remote_field.through  # type: ignore[union-attr]
        owner = f"{self.model._meta.model_name}_id"
        restricted = [pk for pk, _key, access in rows if access == Access.GROUPS]
        if not restricted:
            return {key: Audience(access) for _pk, key, access in rows}
        for pk, group in link.objects.filter(**{f"{owner}__in": restricted}).values_list(owner, "group_id"):
            groups.setdefault(pk, set()).add(group)
        return {key: Audience(access, frozenset(groups.get(pk, ()))) for pk, key, access in rows}


class WithAudience(models.Model):
    """A row that is public, for signed-in people, or for chosen groups."""

    access = models.CharField(_("who may see it"), max_length=10, choices=Access.choices, default=Access.SIGNED_IN)
    groups = models.ManyToManyField(
        Group, blank=True, verbose_name=_("groups"), help_text=_("Only read when chosen groups may see it.")
    )

    objects = AudienceQuerySet.as_manager()

    class Meta:
        abstract = True


def load_people(ids: Iterable[int]) -> dict[int, Person]:
    """The active persons among the ids, by id, in five queries whatever their number."""
    users = get_user_model()
    rows = list(
        users.objects.filter(pk__in=set(ids), is_active=True).values_list(
            "pk", "username", "is_staff", "is_superuser", "password"
        )
    )
    if not rows:
        return {}
    found = [row[0] for row in rows]
    groups = _grouped(users.groups.through.objects.filter(user_id__in=found).values_list("user_id", "group_id"))
    own = _grouped(_permissions(user__in=found, owner="user"))
    granted = _grouped(_permissions(group__isnull=False, owner="group"))
    staff = Group.objects.filter(name=STAFF_GROUP).values_list("pk", flat=True).first()

    def person(pk: int, name: str, is_staff: bool, is_superuser: bool, password: str) -> Person:
        member_of = groups.get(pk, set())
        role = {staff} if is_staff and staff is not None else set()
        held = own.get(pk, set()).union(*(granted.get(group, set()) for group in member_of | role))
        return Person(pk, name, is_staff, is_superuser, frozenset(member_of), frozenset(held), password)

    return {row[0]: person(*row) for row in rows}


def load_person(user_id: int | None) -> Person:
    """The person with this id, or the guest when there is none or it is not active."""
    return GUEST if user_id is None else load_people([user_id]).get(user_id, GUEST)


def _permissions(*, owner: str, **conditions: Any) -> Iterable[tuple[int, str]]:
    rows = Permission.objects.filter(**conditions).values_list(owner, "content_type__app_label", "codename")
    return ((pk, f"{app}.{codename}") for pk, app, codename in rows.order_by())


def _grouped(pairs: Iterable[tuple[int, Any]]) -> dict[int, set]:
    out: dict[int, set] = {}
    for key, value in pairs:
        out.setdefault(key, set()).add(value)
    return out
