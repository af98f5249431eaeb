"""One open page or program. A consumer authorises, subscribes and forwards; the hub does the rest."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

import django.db
from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from live.database import in_pool
from live.limits import Bucket, Visitor
from live.people import Person
from live.presence.roster import Seat
from live.push import hub
from live.push.fragments import html_fragment
from live.push.identity import ForeignOrigin, Identity, check_origin, device
from live.push.pages import view_of
from live.push.reception import Claim, NoSuchPage
from live.push.rendering import render, seen_as
from live.push.sockets import Ending, Socket
from live.push.topics import Part, Topic, View
from live.push.writers import EXTENSION, AsgiWriter, Writer

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

logger = logging.getLogger(__name__)

CONNECT_S = 5.0
NO_DATABASE = (TimeoutError, django.db.Error)
LIMIT_WAIT_S = (5.0, 15.0)
BAD_INPUTS = 10
"""Bad messages in a row after which a client counts as broken or hostile."""
CLOSE_CODES: dict[Ending, int] = {
    "behind": 4012,
    "restart": 4012,
    "limit": 4012,
    "signed_out": 4401,
    "not_allowed": 4403,
    "gone": 4404,
    "misbehaved": 4008,
}


class Refused(Exception):
    """A message that cannot be taken. `code` is for programs, `message` (may be lazy) for people.

    `is_bad_input` tells a broken or hostile client from one that merely may not do this: ten of the former in a row
    end the socket.
    """

    def __init__(self, code: str, message: StrOrPromise, *, is_bad_input: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.is_bad_input = is_bad_input


class PageConsumer(AsyncWebsocketConsumer):
    """The socket of one kind of page. Subclasses name the page and its topics, and may take messages."""

    channel_layer_alias = "none"  # No channel of its own: the hub has the one channel of the process.
    page: ClassVar[str]

    def topics(self) -> list[Topic]:
        """The topics of this page, its own first. Runs in a pool thread; raises NoSuchPage.

        The first one must admit the person; of the others those are watched that do.
        """
        raise NotImplementedError

    def page_key(self) -> str:
        return ""

    def receive_object(self, person: Person, data: dict[str, Any]) -> None:
        """Take a message. Runs in a pool thread; raises Refused."""
        raise Refused("not_taken", _("This page takes no messages."))

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        self.scope, self.base_send = scope, send
        self.socket: Socket | None = None
        self.accepted = False
        self.bad_inputs = 0
        self.messages: Bucket | None = None
        self.goodbye: asyncio.Task | None = None
        try:
            await self._listen(receive)
        finally:
            # The one place for cleanup: Channels skips disconnect() after an exception.
            here = hub.running()
            if self.socket is not None and here is not None:
                here.leave(self.socket)
            if self.goodbye is not None:
                self.goodbye.cancel()

    async def _listen(self, receive: Callable) -> None:
        # In place of Channels' own loop, which starts a task for every message and holds one for every socket.
        with suppress(StopConsumer):
            while True:
                await self.dispatch(await receive())

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels 4.3 hops to a thread for every message here, to close database connections that were never opened.
        await getattr(self, get_handler_name(message))(message)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    async def connect(self) -> None:
        try:
            check_origin(self.scope)
        except ForeignOrigin:
            await self.close()  # Before accept: HTTP 403.
            return
        query = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        wants_json = "json" in self.scope["subprotocols"] or query.get("format") == "json"
        self.view = view_of(query, wants_json=wants_json)
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._enter()
        except NO_DATABASE:
            await self._say_goodbye("behind")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.socket is None or self.socket.ended:
            return
        self.messages = self.messages or Bucket(settings.LIMITS["socket_messages"])
        if not self.messages.take():
            self.socket.end("misbehaved")
            return
        try:
            data = read_object(text_data)
            data.pop("headers", None)  # htmx adds them; nothing that a client says about itself is believed.
            await in_pool(self.receive_object, self.socket.person, data)
            self.bad_inputs = 0
        except Refused as refusal:
            await self._refuse(refusal)
        except NO_DATABASE:
            busy = _("The database does not answer. Please send it again.")
            await self._refuse(Refused("busy", busy, is_bad_input=False))

    async def _enter(self) -> None:
        here = hub.running()
        if here is None:
            await self._say_goodbye("restart")
            return
        if here.room.is_rushed(self._address()):
            self._end("limit")
            return
        admission = await here.reception.admit(Claim(self.scope, (type(self), self.page_key()), self.topics))
        if admission.refusal is not None:
            await self._say_goodbye(admission.refusal)
        elif here.room.is_full_for(Visitor(admission.identity.person.id, self._address())):
            self._end("limit")
        else:
            self.socket = self._make_socket(admission.identity)
            await self._accept()
            await here.enter(self.socket, admission.topics, admission.denied)

    async def _accept(self) -> None:
        """As late as can be, so that the server can write the answer and the first frame at once."""
        self.accepted = True
        await self.accept("json" if "json" in self.scope["subprotocols"] else None)
        self.scope["headers"].clear()  # Read by now, and held by every router on the way here: 1 KiB and more.

    def _make_socket(self, identity: Identity) -> Socket:
        page = f"{self.page}.{self.page_key()}"
        person = identity.person
        seat = Seat(secrets.token_hex(8), person.id, person.name, page, device(self.scope))
        return Socket(
            identity=identity,
            address=self._address(),
            view=self.view,
            seat=seat,
            writer=self._writer(),
            end=self._end,
        )

    def _address(self) -> str:
        client = self.scope.get("client")
        return client[0] if client else ""

    def _writer(self) -> Writer:
        ready = self.scope.get("extensions", {}).pop(EXTENSION, None)
        return ready["writer"] if ready else AsgiWriter(self.base_send)

    # Last words

    def _end(self, why: Ending) -> None:
        """Called by the hub, which does not wait."""
        self.goodbye = asyncio.ensure_future(self._try_to_say_goodbye(why))

    async def _try_to_say_goodbye(self, why: Ending) -> None:
        try:
            await self._say_goodbye(why)
        except Exception as error:  # The peer may be gone already; servers differ in how they say so.
            logger.debug("last words not delivered: %r", error)

    async def _say_goodbye(self, why: Ending) -> None:
        """Push the last words, then close: a refused handshake would be tried again for ever."""
        if not self.accepted:
            await self._accept()
        if why in LAST_WORDS and self.view.format != "json":
            template, target = LAST_WORDS[why]
            html = render(Part(target, template, "why", why), self.view)
            await self.send(html_fragment(f"#{target}", "outerHTML", html).texts[0])
        if why == "limit":
            # Told at once, sent away later: whoever comes back by itself should not do so in a tight circle.
            await asyncio.sleep(random.uniform(*LIMIT_WAIT_S))  # noqa: S311 (spreads a load)
        await self.close(CLOSE_CODES[why])

    async def _refuse(self, refusal: Refused) -> None:
        self.bad_inputs += refusal.is_bad_input
        if self.bad_inputs >= BAD_INPUTS and self.socket is not None:
            self.socket.end("misbehaved")
            return
        await self.send(refusal_text(refusal, self.view))


LAST_WORDS: dict[Ending, tuple[str, str]] = {
    "signed_out": ("live/_signed_out.html", "beat"),
    "not_allowed": ("live/_not_allowed.html", "beat"),
    "gone": ("live/_gone.html", "beat"),
    "misbehaved": ("live/_misbehaved.html", "beat"),
    "restart": ("live/_restarting.html", "beat"),
    "limit": ("live/_limit.html", "beat"),
}


class UnknownPage(PageConsumer):
    """Every path that is no page: accepted and closed with 4404, because a refusal would be tried again for ever."""

    page = "unknown"

    def topics(self) -> list[Topic]:
        raise NoSuchPage


def read_object(text: str | None) -> dict[str, Any]:
    """The JSON object of a message. Raises Refused for everything else."""
    if text is None:
        raise Refused("not_text", _("Expected a text message with a JSON object."))
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("not_json", _("Expected a JSON object.")) from None
    if not isinstance(data, dict):
        raise Refused("not_an_object", _("Expected a JSON object."))
    return data


def refusal_text(refusal: Refused, view: View) -> str:
    if view.format == "json":
        with seen_as(view):
            return json.dumps({"type": "error", "code": refusal.code, "message": str(refusal.message)})
    part = Part("refusal", "live/_refusal.html", "refusal", refusal)
    return html_fragment("#toasts", "innerHTML", render(part, view)).texts[0]


def _no_constant(name: str) -> float:
    raise ValueError(name)
