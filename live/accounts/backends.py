"""The roles that come with an account: whoever is staff holds what the group "Staff" holds."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet

from live.people import STAFF_GROUP


class RoleBackend(ModelBackend):
    """Django's own backend with roles; live.people.load_people computes the same for many people at once."""

    def _get_group_permissions(self, user_obj: User) -> QuerySet[Permission]:
        role = Q(name=STAFF_GROUP) if user_obj.is_staff else Q()
        groups = Group.objects.filter(Q(user=user_obj) | role) if role else user_obj.groups.all()
        return Permission.objects.filter(group__in=groups.values("pk")).distinct()
