"""Filling in the admin's forms as a person does: what is not touched goes back as it came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from lxml import html


def fill_in(client: httpx.Client, path: str, changes: Mapping[str, Any] | None = None) -> None:
    """Load the form, change these fields and send it. None takes a field out, as an unchecked box is."""
    page = client.get(path)
    assert page.status_code == 200, f"{path}: {page.status_code}"
    form = next(one for one in html.document_fromstring(page.text).forms if _is_the_one(one))
    changed = dict(changes or {})
    fields: dict[str, Any] = {}
    for name, value in form.form_values():
        fields.setdefault(name, []).append(value)
    fields = {name: value for name, value in (fields | changed).items() if value is not None}
    answer = client.post(path, data=fields, headers={"Referer": str(page.url)}, follow_redirects=False)
    assert answer.status_code == 302, f"{path} was not taken: {_errors(answer.text)}"


def _is_the_one(form: html.FormElement) -> bool:
    """The page's own form is sent to the page's own address; those for signing out and the language are not."""
    return form.method == "POST" and not (form.action or "").rpartition("/")[2] and "logout" not in (form.action or "")


def _errors(text: str) -> list[str]:
    return [one.text_content().strip() for one in html.document_fromstring(text).find_class("errorlist")]
