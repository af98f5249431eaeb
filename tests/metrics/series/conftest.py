from __future__ import annotations

import pytest
from django.conf import settings

from metrics.sources.models import Source

collect_ignore = [] if "postgresql" in settings.DATABASES["default"]["ENGINE"] else ["test_partitions.py"]


@pytest.fixture
def shop(db) -> Source:
    return Source.objects.create(name="shop")
