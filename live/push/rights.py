"""Rights are current: what open sockets rest on is read from the database every 4 s, for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.contrib.sessions.models import Session
from django.utils import timezone

from live.accounts.models import PersonalToken
from live.people import GUEST, Audience, Person, load_people
from live.push.healing import keys_by_kind
from live.push.identity import Identity
from live.push.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Rights:
    """Who is still here with which rights, and who may watch what. Only `topics` were looked up."""

    topics: frozenset[str]
    sessions: frozenset[str]
    tokens: frozenset[int]
    people: dict[int, Person]
    audiences: dict[str, Audience]

    def renewed(self, identity: Identity) -> Identity | None:
        """The identity with today's rights; None when what it rested on has ended."""
        if identity.person.is_guest:
            return identity
        person = self.people.get(identity.person.id or 0, GUEST)
        if person.is_guest or not self._holds(identity, person):
            return None
        return replace(identity, person=person)

    def admits(self, topic: Topic, person: Person) -> bool:
        """Whether the person may go on watching. A page that is still opening may watch more than was looked up."""
        audience = self.audiences.get(topic.name)
        return audience.admits(person) if audience else topic.name not in self.topics

    def _holds(self, identity: Identity, person: Person) -> bool:
        if identity.token_id is not None:
            return identity.token_id in self.tokens
        return identity.session_key in self.sessions and identity.person.password == person.password


def read_rights(identities: Iterable[Identity], topics: Iterable[str]) -> Rights:
    """A constant number of queries, whatever the number of sockets; a few more per kind of topic."""
    known = list(identities)
    sessions = {identity.session_key for identity in known if identity.session_key}
    tokens = {identity.token_id for identity in known if identity.token_id is not None}
    people = {identity.person.id for identity in known if identity.person.id is not None}
    names = frozenset(topics)
    return Rights(names, _live_sessions(sessions), _live_tokens(tokens), load_people(people), read_audiences(names))


def read_audiences(names: Iterable[str]) -> dict[str, Audience]:
    """Who may watch each topic, by topic name. A topic that does not exist is missing."""
    return {
        f"{kind}.{key}": audience
        for kind, keys in keys_by_kind(names).items()
        for key, audience in TOPICS[kind].audiences(keys).items()
    }


def _live_sessions(keys: set[str]) -> frozenset[str]:
    alive = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return frozenset(alive.values_list("session_key", flat=True)) if keys else frozenset()


def _live_tokens(ids: set[int]) -> frozenset[int]:
    alive = PersonalToken.objects.filter(pk__in=ids, revoked_at=None)
    return frozenset(alive.values_list("pk", flat=True)) if ids else frozenset()
