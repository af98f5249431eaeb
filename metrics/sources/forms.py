"""The form by which people say how a source is fetched. Which fields it has depends on the source's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from metrics.sentences import told
from metrics.sources import guard
from metrics.sources.models import Pull, Source
from metrics.sources.pulling import PullFailed, puller_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Kind = Source.Kind
ALWAYS = ("interval_s", "timeout_s", "enabled")
FIELDS: dict[str, tuple[str, ...]] = {
    Kind.SCRAPE: ("url", "names", "user", "secret", "forget", *ALWAYS),
    Kind.PROMQL: ("url", "query", "user", "secret", "forget", *ALWAYS),
    Kind.HTTP: ("url", "values", "user", "secret", "forget", *ALWAYS),
    Kind.SQL: ("database", "query", *ALWAYS),
}
"""Per kind, in the order of the form."""

SECRET = _("Without a user name it is sent as a bearer token. It is stored and never shown again; empty: as it was.")
HELP: dict[str, dict[str, StrOrPromise]] = {
    Kind.SCRAPE: {
        "url": _("Of the exporter's page, such as http://127.0.0.1:9100/metrics."),
        "names": _("One a line, * stands for anything, such as node_load*; empty: everything."),
    },
    Kind.PROMQL: {
        "url": _("Of Prometheus, VictoriaMetrics, Mimir or Thanos, before /api/v1."),
        "query": _("What is asked while no KPI uses the source; a KPI of it has an expression as its metric."),
    },
    Kind.HTTP: {
        "url": _("Answered with JSON, such as https://shop.example/stats."),
        "values": _('What to take, as JMESPath, such as [{"metric": "orders", "path": "today.orders"}].'),
    },
    Kind.SQL: {
        "database": _("One of those that DATABASES_…_URL in the environment name."),
        "query": _("One that only reads: columns of numbers become values, columns of texts labels."),
    },
}
EVERYWHERE: dict[str, StrOrPromise] = {
    "user": _("For HTTP Basic; empty: the secret is a bearer token, or there is none."),
    "secret": SECRET,
    "interval_s": _("How often it is fetched."),
    "timeout_s": _("Given up after this; no longer than the interval."),
    "enabled": _("Switched off, it keeps its settings and is not fetched."),
}


class PullForm(forms.ModelForm):
    """How a source of `kind` is fetched. What depends on several fields is judged together.

    The secret only goes in: it is in no page, and stays where it is when the field is left empty.
    """

    kind: str = Kind.SCRAPE

    forget = forms.BooleanField(label=_("Forget the stored password or token"), required=False)

    class Meta:
        model = Pull
        fields = [
            "url", "database", "query", "values", "names", "user", "secret", "interval_s", "timeout_s", "enabled",
        ]  # fmt: skip
        widgets = {
            "secret": forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
            "url": forms.TextInput(attrs={"class": "vTextField", "placeholder": "http://"}),
            "query": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
            "names": forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        counts = FIELDS[self.kind]
        for name in set(self.fields) - set(counts):
            if not (name == "source" or name.isupper() or name == "id"):
                del self.fields[name]
        if "database" in self.fields:
            self.fields["database"] = self._databases()
        for name, text in (EVERYWHERE | HELP[self.kind]).items():
            if name in self.fields:
                self.fields[name].help_text = text

    def has_changed(self) -> bool:
        # All defaults is how most sources are made.
        return self.instance._state.adding or super().has_changed()

    def clean_url(self) -> str:
        url = self.cleaned_data["url"].strip()
        try:
            guard.parsed(url)
        except PullFailed as fault:
            raise ValidationError(told(fault.sentence)) from None
        return url

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        interval, timeout = data.get("interval_s"), data.get("timeout_s")
        if interval and timeout and timeout > interval:
            self.add_error("timeout_s", _("The time limit must not be longer than the interval."))
        if "secret" in self.fields:
            data["secret"] = self._secret(data)
        return data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        check = getattr(puller_of(self.kind), "check", None)
        if self.errors or check is None:
            return
        try:
            check(self.instance)
        except ValidationError as error:
            self._update_errors(error)  # type: ignore[attr-defined]

    def save(self, commit: bool = True) -> Pull:
        if not commit or self.instance._state.adding:
            return super().save(commit)
        # The collector writes the other columns at any time.
        self.instance.save(update_fields=[name for name in self.fields if name in PullForm.Meta.fields])
        return self.instance

    def _databases(self) -> forms.ChoiceField:
        # One that has gone from the environment stays to be seen.
        names = sorted({*settings.SQL_SOURCES, *filter(None, [self.instance.database])})
        choices = [("", "–"), *((name, name) for name in names)]
        return forms.ChoiceField(label=_("database"), choices=choices, initial=self.instance.database)

    def _secret(self, data: dict[str, Any]) -> str:
        if data.get("secret") or data.get("forget"):
            return "" if data.get("forget") else data["secret"]
        stored = self.instance.secret
        if stored and "url" in data and _origin(data["url"]) != _origin(self.instance.url):
            # Else whoever may change a source could have its password sent to a server of their own.
            self.add_error("secret", _("The address is on another server now: give the password or token again."))
        return stored


def _origin(url: str) -> str:
    try:
        here = guard.parsed(url)
    except PullFailed:
        return ""
    return f"{here.scheme}://{guard.host_and_port(here)}"
