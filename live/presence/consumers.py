from __future__ import annotations

from live.presence.topic import OnlineTopic
from live.push.consumers import PageConsumer
from live.push.topics import Topic


class OnlineConsumer(PageConsumer):
    page = "online"

    def topics(self) -> list[Topic]:
        return [OnlineTopic("list")]
