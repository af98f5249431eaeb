from __future__ import annotations

from live.chat.topic import RoomTopic
from live.push.consumers import NoSuchPage, PageConsumer
from live.push.topics import Topic
from metrics.boards.arrivals import KEY, ArrivalsTopic
from metrics.boards.models import Board
from metrics.boards.topic import BoardTopic


class BoardConsumer(PageConsumer):
    """A board's socket: its tiles, and beside them its room and what arrives, to those who may see them."""

    page = "board"

    def topics(self) -> list[Topic]:
        rooms = Board.objects.filter(slug=self.page_key()).values_list("room__slug", flat=True)
        if not rooms:
            raise NoSuchPage
        return [BoardTopic(self.page_key()), *(RoomTopic(room) for room in rooms if room), ArrivalsTopic(KEY)]

    def page_key(self) -> str:
        return self.scope["url_route"]["kwargs"]["slug"]
