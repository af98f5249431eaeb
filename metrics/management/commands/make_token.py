from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from live.accounts.tokens import make_personal_token
from metrics.sources.models import Source
from metrics.sources.tokens import make_source_token


class Command(BaseCommand):
    help = "Make a token, for a source of samples or for a person, and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--source", metavar="NAME", help="a source that sends samples; made when it is missing")
        whose.add_argument("--user", metavar="USERNAME", help="a person, for programs that act as that person")
        parser.add_argument("--name", default="", help="what the token is for, to tell it from others later")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            token = _for_source(options) if options["source"] is not None else _for_user(options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(token)


def _for_source(options: dict[str, Any]) -> str:
    source = Source.objects.ensure(options["source"], Source.Kind.PUSH)
    return make_source_token(source, options["name"])


def _for_user(options: dict[str, Any]) -> str:
    users = get_user_model()
    try:
        user = users.objects.get_by_natural_key(options["user"])
    except users.DoesNotExist:
        raise CommandError(f"There is no user {options['user']!r}.") from None
    return make_personal_token(user, options["name"])
