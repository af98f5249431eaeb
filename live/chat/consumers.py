from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from live.chat.models import Room
from live.chat.topic import RoomTopic
from live.chat.verbs import post_message
from live.people import Person
from live.presence.topic import OnlineTopic
from live.push.consumers import PageConsumer, Refused
from live.push.topics import Topic

DEFAULT_ROOM = "general"


class RoomConsumer(PageConsumer):
    """A room's socket. Programs and forms write to the room with `{"message": "…"}`, optionally with a client id."""

    page = "chat"

    @property
    def slug(self) -> str:
        return self.scope["url_route"]["kwargs"].get("room", DEFAULT_ROOM)

    def page_key(self) -> str:
        return self.slug

    def topics(self) -> list[Topic]:
        return [RoomTopic(self.slug), OnlineTopic("list")]

    def receive_object(self, person: Person, data: dict) -> None:
        """Store a message; the rights are those of this moment, not those of the handshake."""
        user = None if person.id is None else User.objects.filter(pk=person.id, is_active=True).first()
        if user is None:
            raise Refused("not_allowed", _("Sign in to write."))
        room = Room.objects.visible_to(user).filter(slug=self.slug).first()
        if room is None:
            raise Refused("not_allowed", _("There is no such room."))
        cid = data.get("cid", "")
        if not isinstance(cid, str):
            raise Refused("invalid", _("The client id must be text."))
        try:
            post_message(room, user, data.get("message"), cid)
        except ValidationError as error:
            raise Refused("invalid", error.messages[0]) from None
        except Room.DoesNotExist:  # Removed since it was found.
            raise Refused("not_allowed", _("There is no such room.")) from None
