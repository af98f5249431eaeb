from __future__ import annotations

from live.announcements.topic import KEY, AnnouncementsTopic, ScheduleTopic
from live.push.consumers import PageConsumer
from live.push.topics import Topic


class AnnouncementsConsumer(PageConsumer):
    page = "notifications"

    def topics(self) -> list[Topic]:
        return [AnnouncementsTopic(KEY), ScheduleTopic(KEY)]
