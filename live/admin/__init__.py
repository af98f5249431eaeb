"""Django admin of people, rooms and announcements."""

from live.admin.accounts import GroupAdmin, PersonAdmin, PersonalTokenAdmin
from live.admin.announcements import AnnouncementAdmin
from live.admin.chat import MessageAdmin, RoomAdmin
from live.admin.writing import VerbAdmin

__all__ = [
    "AnnouncementAdmin",
    "GroupAdmin",
    "MessageAdmin",
    "PersonAdmin",
    "PersonalTokenAdmin",
    "RoomAdmin",
    "VerbAdmin",
]
