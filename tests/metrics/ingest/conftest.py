from __future__ import annotations

import pytest

from metrics.sources.models import Source


@pytest.fixture
def shop(transactional_db) -> Source:
    return Source.objects.create(name="shop")
