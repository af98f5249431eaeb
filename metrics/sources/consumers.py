from __future__ import annotations

from live.push.consumers import PageConsumer
from live.push.topics import Topic
from metrics.sources.topic import KEY, SourcesTopic, SourceTopic


class SourcesConsumer(PageConsumer):
    page = "sources"

    def topics(self) -> list[Topic]:
        return [SourcesTopic(KEY)]


class SourceConsumer(PageConsumer):
    page = "sources"

    def topics(self) -> list[Topic]:
        return [SourceTopic(self.page_key())]

    def page_key(self) -> str:
        return self.scope["url_route"]["kwargs"]["name"]
