from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from metrics.sources.models import Source

pytestmark = pytest.mark.django_db


def test_a_missing_source_is_made_and_an_existing_one_is_found():
    made = Source.objects.ensure("shop", Source.Kind.PUSH)
    assert Source.objects.ensure("shop", Source.Kind.HOST) == made
    assert Source.objects.get(name="shop").kind == Source.Kind.PUSH


@pytest.mark.parametrize("name", ["a", "shop-1", "db.eu_2", "9lives", "x" * 64])
def test_a_name_is_like_a_slug(name):
    assert Source.objects.ensure(name, Source.Kind.PUSH).name == name


@pytest.mark.parametrize("name", ["", " ", "-a", "a b", "a/b", "a\n", "ä", "<b>", "x" * 65, "\x00"])
def test_another_name_is_refused(name):
    before = Source.objects.count()
    with pytest.raises(ValidationError):
        Source.objects.ensure(name, Source.Kind.PUSH)
    assert Source.objects.count() == before
