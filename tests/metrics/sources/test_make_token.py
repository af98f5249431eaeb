from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from metrics.sources.models import Source, SourceToken
from metrics.sources.tokens import find_sender

pytestmark = pytest.mark.django_db


def make_token(*args):
    out = StringIO()
    call_command("make_token", *args, stdout=out)
    return out.getvalue()


def test_the_token_alone_is_printed():
    token = make_token("--source", "shop")
    assert token.endswith("\n")
    assert len(token.split()) == 1


def test_a_missing_source_is_made():
    token = make_token("--source", "shop").strip()
    assert find_sender(token).id == Source.objects.get(name="shop", kind=Source.Kind.PUSH).pk


def test_an_existing_source_gets_a_second_token():
    first, second = make_token("--source", "shop"), make_token("--source", "shop", "--name", "till 3")
    assert first != second
    assert Source.objects.filter(name="shop").count() == 1
    assert SourceToken.objects.filter(name="till 3").exists()


@pytest.mark.parametrize("name, says", [("", "blank"), ("a b", "letter"), ("../x", "letter"), ("x" * 65, "64")])
def test_a_bad_name_ends_with_a_sentence(name, says):
    with pytest.raises(CommandError, match=says):
        make_token("--source", name)


def test_a_source_that_we_fill_ourselves_is_refused():
    Source.objects.get_or_create(name="host", kind=Source.Kind.HOST)
    with pytest.raises(CommandError, match="itself"):
        make_token("--source", "host")


def test_a_person_gets_a_token_too():
    get_user_model().objects.create_user("alice")
    token = make_token("--user", "alice")
    assert len(token.split()) == 1


def test_an_unknown_person_is_named():
    with pytest.raises(CommandError, match="'bob'"):
        make_token("--user", "bob")


@pytest.mark.parametrize("args", [(), ("--source", "shop", "--user", "alice")])
def test_it_is_for_a_source_or_for_a_person(args):
    with pytest.raises(CommandError):
        make_token(*args)
