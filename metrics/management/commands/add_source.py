from __future__ import annotations

import json
import os
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from metrics.sources import attempts
from metrics.sources.forms import FIELDS, PullForm
from metrics.sources.models import Pull, Source

SECRET = "SOURCE_SECRET"  # noqa: S105 (the name of a variable)
SHOWN = 5


class Command(BaseCommand):
    help = "Add a source that Watchfloor fetches, or change it, once it has answered a trial."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the source is called, such as node")
        parser.add_argument("--kind", choices=sorted(FIELDS), required=True, help="what it is fetched by")
        parser.add_argument("--url", default="", help="its address; for promql the one before /api/v1")
        parser.add_argument(
            "--names", default="", help="scrape: the wanted names with commas between, such as 'node_load*,up'"
        )
        parser.add_argument("--query", default="", help="sql: a query that reads; promql: what to try")
        parser.add_argument(
            "--values", default="[]", help='http: JSON, such as \'[{"metric": "orders", "path": "n"}]\''
        )
        parser.add_argument("--database", default="", help="sql: the name in DATABASES_<NAME>_URL")
        parser.add_argument("--user", default="", help=f"for HTTP Basic; the secret is read from {SECRET}")
        parser.add_argument("--interval", type=int, default=15, help="seconds from one fetch to the next")
        parser.add_argument("--timeout", type=int, default=5, help="seconds after which a fetch is given up")
        parser.add_argument("--untried", action="store_true", help="add it without fetching it first")

    def handle(self, *args: Any, **options: Any) -> None:
        source = _source(options["name"], options["kind"])
        form = _form(source, options)
        if not form.is_valid():
            raise CommandError(_sentences(form))
        pull = form.instance
        # One that is not stored yet has an id that none has.
        pull.source = source if source.pk else Source(pk=0, name=source.name, kind=source.kind)
        if not options["untried"]:
            self._try(pull)
        _store(source, pull)
        self.stdout.write(f"source {source.name} is fetched every {pull.interval_s} s")

    def _try(self, pull: Pull) -> None:
        tried = attempts.try_pull(pull)
        if tried.error:
            raise CommandError(f"{tried.error} Nothing was saved; --untried saves without a trial.")
        self.stdout.write(f"{len(tried.samples)} samples in {tried.took_ms} ms, such as")
        for one in sorted(tried.samples, key=_is_ours)[:SHOWN]:
            self.stdout.write(f"  {one.name} {_labels(one.labels)}{one.value:g}")


def _source(name: str, kind: str) -> Source:
    """The source, not stored yet when it is new."""
    source = Source.objects.filter(name=name).first() or Source(name=name, kind=kind)
    if source.kind != kind:
        raise CommandError(f"There is a source {name} of another kind: {source.get_kind_display()}.")
    try:
        source.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    return source


def _form(source: Source, options: dict[str, Any]) -> PullForm:
    try:
        values = json.loads(options["values"])
    except ValueError:
        raise CommandError("--values: expected JSON.") from None
    data = {name: options[name] for name in ("url", "query", "database", "user")} | {
        "names": options["names"].replace(",", "\n"),
        "values": json.dumps(values),
        "secret": os.environ.get(SECRET, ""),
        "interval_s": options["interval"],
        "timeout_s": options["timeout"],
        "enabled": True,
    }
    stored = Pull.objects.filter(source=source.pk).first() if source.pk else None
    return type("KindPullForm", (PullForm,), {"kind": source.kind})(data, instance=stored)


@transaction.atomic
def _store(source: Source, pull: Pull) -> None:
    if source.pk is None:
        source.save()
    pull.source = source
    # Due at once.
    pull.due_at = pull.failing_since = None
    pull.failures = 0
    pull.save()


def _sentences(form: PullForm) -> str:
    return " ".join(f"{field}: {' '.join(map(str, errors))}" for field, errors in form.errors.items())


def _is_ours(one: attempts.Sample) -> bool:
    """Whether the sample tells of the scrape itself; what the page holds says more."""
    return one.name == "up" or one.name.startswith("scrape_")


def _labels(labels: Any) -> str:
    inside = ", ".join(f'{name}="{value}"' for name, value in labels)
    return f"{{{inside}}} " if inside else ""
