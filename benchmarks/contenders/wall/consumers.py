from __future__ import annotations

from benchmarks.contenders.wall.topic import WallTopic
from live.push.consumers import PageConsumer
from live.push.topics import Topic


class WallConsumer(PageConsumer):
    page = "wall"

    def topics(self) -> list[Topic]:
        return [WallTopic("main")]
