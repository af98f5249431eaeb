"""The tables of the app, gathered from the packages of their subjects."""

from live.accounts.models import PersonalToken
from live.announcements.models import Announcement, AnnouncementList
from live.chat.models import Message, Room

__all__ = ["Announcement", "AnnouncementList", "Message", "PersonalToken", "Room"]
