"""Sentences that are kept: English for machines and logs, the reader's language on pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext

Values = Mapping[str, Any]
"""By name: numbers, texts from outside, which stay as they are, or sentences."""


class Sentence(str):
    """An English text that knows the message of the catalogue, and the values, of which it is made.

    Without a message it is text from outside, the same in every language.
    """

    __slots__ = ("message", "values")

    def __new__(cls, text: str, message: str = "", values: Values | None = None) -> Sentence:
        made = super().__new__(cls, text)
        made.message, made.values = message, values or {}
        return made

    message: str
    values: Values


class Fault(Exception):
    """Something is wrong, and the sentence says what."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class SentenceField(models.TextField):
    """Keeps what a sentence is made of, as JSON. What is read is a Sentence."""

    def from_db_value(self, value: str | None, *_: Any) -> Sentence | None:
        return None if value is None else load(value)

    def get_prep_value(self, value: Any) -> Any:
        return dump(value) if isinstance(value, str) else value


def sentence(message: str, /, **values: Any) -> Sentence:
    """The sentence of a message of the catalogue. Modules import this as `_`, by which messages are collected."""
    return Sentence(message % values if values else message, message, values)


def placed(place: str, fault: str) -> Sentence:
    """A sentence that begins with the place of what is wrong."""
    return sentence("%(place)s: %(fault)s", place=place, fault=fault)


def words(error: Exception) -> str:
    """What an error says: a sentence, where it is one of ours."""
    return error.sentence if isinstance(error, Fault) else str(error)


def told(text: str) -> str:
    """The text in the language of the moment, as far as it is a sentence of ours."""
    if not isinstance(text, Sentence) or not text.message:
        return str(text)
    try:
        inside = {name: told(value) if isinstance(value, str) else value for name, value in text.values.items()}
        return gettext(text.message) % inside if inside else gettext(text.message)
    except (KeyError, TypeError, ValueError):
        # It was kept when the message had other values.
        return str(text)


def dump(text: str) -> str:
    return json.dumps(_plain(text), ensure_ascii=False, default=str) if text else ""


def load(kept: str) -> Sentence:
    """What was kept; a text that is none of ours is one from outside."""
    try:
        return _sentence(json.loads(kept))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Sentence(kept)


def _plain(text: str) -> dict[str, Any]:
    if not isinstance(text, Sentence) or not text.message:
        return {"text": str(text)}
    values = {name: _plain(value) if isinstance(value, Sentence) else value for name, value in text.values.items()}
    return {"text": str(text), "message": text.message, "values": values}


def _sentence(kept: dict[str, Any]) -> Sentence:
    values = {
        name: _sentence(value) if isinstance(value, dict) else value for name, value in kept.get("values", {}).items()
    }
    return Sentence(str(kept["text"]), str(kept.get("message", "")), values)
