"""Russian is complete: every message of the catalogue, and the pages that are printed with it."""

from __future__ import annotations

import gettext
import io
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import ngettext, override

from live.announcements.models import Announcement
from live.templatetags.live import page_words
from metrics.series.models import Series
from tests.repository import ROOT

CATALOGUE = ROOT / "locale/ru/LC_MESSAGES/django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[ds]|</?\w+>")
LETTERS, CYRILLIC = re.compile("[A-Za-z]"), re.compile("[А-Яа-яЁё]")
ALIKE = {"SHA-256"}
"""What Russian writes as English does."""

with CATALOGUE.open("rb") as file:
    MESSAGES = read_po(file)


def pairs() -> Iterator[tuple[str, str]]:
    """Each English text with each of its translations; the forms of a plural belong to the English plural."""
    for message in filter(lambda message: message.id, MESSAGES):
        english = message.id if isinstance(message.id, str) else message.id[1]
        yield from ((english, text) for text in forms(message))


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string)


def ending(text: str) -> str:
    return text[-1:] if text.endswith((".", ":", "?", "!", "…")) else ""


def test_every_message_is_translated():
    assert [message.id for message in MESSAGES if message.id and not all(forms(message))] == []


def test_no_translation_is_a_guess():
    assert [message.id for message in MESSAGES if message.fuzzy] == []


def test_every_plural_has_the_three_forms_of_russian():
    assert MESSAGES.num_plurals == 3
    assert {len(forms(message)) for message in MESSAGES if message.pluralizable} == {3}


def test_every_placeholder_and_tag_is_kept():
    changed = [
        (english, russian)
        for english, russian in pairs()
        if Counter(PLACEHOLDER.findall(english)) != Counter(PLACEHOLDER.findall(russian))
    ]
    assert changed == []


def test_a_sentence_stays_a_sentence_and_a_label_a_label():
    assert [(english, russian) for english, russian in pairs() if ending(english) != ending(russian)] == []


def test_translations_are_in_russian():
    worded = [(english, russian) for english, russian in pairs() if LETTERS.search(PLACEHOLDER.sub("", english))]
    assert {english for english, russian in worded if not CYRILLIC.search(russian)} == ALIKE


def test_what_is_compiled_is_what_is_written():
    fresh = io.BytesIO()
    write_mo(fresh, MESSAGES)
    fresh.seek(0)
    assert texts(CATALOGUE.with_suffix(".mo").open("rb")) == texts(fresh), "run: make messages"


def texts(file: io.BufferedIOBase) -> dict:
    with file:
        return {key: text for key, text in gettext.GNUTranslations(file)._catalog.items() if key}


@pytest.mark.parametrize(
    "count, words",
    [(1, "вкладка"), (2, "вкладки"), (5, "вкладок"), (12, "вкладок"), (21, "вкладка"), (22, "вкладки")],
)
def test_numbers_take_the_right_form(count, words):
    with override("ru"):
        assert ngettext("%(n)s tab", "%(n)s tabs", count) % {"n": count} == f"{count} {words}"


PAGES = {
    "/accounts/login/": "Войти",
    "/chat/": "Комнаты",
    "/online/": "Кто в сети",
    "/notifications/": "Сейчас объявлений нет.",
    "/no-such-page/": "Такой страницы нет",
}


@pytest.fixture
def russian(db) -> Client:
    return Client(headers={"accept-language": "ru-RU,ru;q=0.9,en;q=0.5"})


@pytest.mark.parametrize("address, words", PAGES.items())
def test_a_page_is_russian_for_a_russian_browser(russian, address, words):
    html = russian.get(address).content.decode()
    assert '<html lang="ru"' in html
    assert words in html


def test_a_heading_and_a_button_are_worded_apart(russian):
    html = russian.get("/accounts/login/").content.decode()
    assert re.search(r"<h1[^>]*>Вход</h1>", html)
    assert re.search(r"<button[^>]*>Войти</button>", html)


def test_one_series_and_many_are_worded_apart():
    with override("ru"):
        assert (Series._meta.verbose_name, Series._meta.verbose_name_plural) == ("ряд", "ряды")


def test_a_page_that_somebody_has_open_is_named_as_a_page():
    with override("ru"):
        assert page_words("online") == "Кто в сети"


@pytest.mark.django_db
def test_the_language_that_somebody_chose_wins_over_the_browsers():
    visitor = Client(headers={"accept-language": "en-GB"})
    assert '<html lang="en"' in visitor.get("/online/").content.decode()
    visitor.post("/i18n/setlang/", {"language": "ru", "next": "/online/"})
    assert visitor.cookies["django_language"].value == "ru"
    html = visitor.get("/online/").content.decode()
    assert '<html lang="ru"' in html
    assert "Кто в сети" in html


def test_a_russian_browser_can_be_turned_to_english(russian):
    russian.cookies["django_language"] = "en"
    html = russian.get("/online/").content.decode()
    assert '<html lang="en"' in html
    assert "Who is here" in html


def test_dates_are_written_in_russian(russian):
    start = timezone.now() - timedelta(minutes=1)
    Announcement.objects.create(title="Works", text="Tonight.", starts_at=start)
    with override("ru"):
        written = date_format(timezone.localtime(start), "j E")
    assert re.fullmatch(r"\d+ [а-я]+", written)
    assert written in russian.get("/notifications/").content.decode()


def test_the_administration_is_russian(admin_client):
    html = admin_client.get("/admin/", headers={"accept-language": "ru"}).content.decode()
    assert '<html lang="ru"' in html
    for words in ("Комнаты и объявления", "Показатели", "Личные токены", "Токены источников"):
        assert words in html
