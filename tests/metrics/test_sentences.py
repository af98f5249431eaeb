"""Sentences that are stored: English for machines, the reader's language on pages, what came from outside as it is."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.translation import override

from live.clock import now_ms
from metrics.ingest import json_samples, line_protocol, pushgateway, remote_write
from metrics.ingest.calls import Call, Outcome, Reason, Sender
from metrics.ingest.losses import note_losses, note_problem
from metrics.ingest.problems import Problem
from metrics.sentences import Sentence, dump, load, placed, sentence, told
from metrics.sources import attempts, pulls
from metrics.sources.models import Pull, Rejection, Source
from metrics.sources.rejections import EXAMPLE, rejections
from tests.metrics.ingest import by_hand
from tests.metrics.kpis.arranging import a_source
from tests.metrics.test_admin_sources import ADD, form
from tests.servers.processes import free_port

CYRILLIC = re.compile("[А-Яа-яЁё]")
UNKNOWN = "The name %(host)s is not known."


@pytest.fixture
def russian(db) -> Client:
    client = Client(headers={"accept-language": "ru"})
    client.force_login(User.objects.create_superuser("vera"))
    return client


def page(client, address="/sources/shop/") -> str:
    return " ".join(client.get(address).content.decode().split())


def kept(text: str) -> Sentence:
    """A text as the database gives it back."""
    source = a_source()
    Source.objects.filter(pk=source.pk).update(last_error=text)
    return Source.objects.get(pk=source.pk).last_error


@pytest.mark.django_db
def test_a_sentence_comes_back_with_what_it_was_made_of():
    back = kept(placed("values[2]", sentence(UNKNOWN, host="<b>db</b>")))
    assert back == "values[2]: The name <b>db</b> is not known."
    with override("ru"):
        assert told(back) == "values[2]: Имя <b>db</b> не найдено."
    assert told(back) == back


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["hung up", "100 % full", '{"text": 5, "message": "The name %(host)s"}', "{", "5", ""])
def test_a_text_from_outside_is_the_same_in_every_language(text):
    back = kept(text)
    assert back == text
    with override("ru"):
        assert told(back) == text


@pytest.mark.parametrize("text", ["It is down.", "{", "5", "null", '[{"text": 1}]', '{"text": "a", "values": 5}'])
def test_what_was_stored_before_is_read_as_it_stands(text):
    assert load(text) == told(load(text)) == text


def test_a_message_that_has_other_values_now_is_told_in_english():
    old = load(dump(Sentence("It is old.", UNKNOWN, {"name": "x"})))
    with override("ru"):
        assert told(old) == "It is old."


def test_a_sentence_is_plain_text_to_machines():
    with override("ru"):
        said = sentence(UNKNOWN, host="db")
        assert json.dumps({"error": said}) == '{"error": "The name db is not known."}'
        assert f"{said}" == "The name db is not known."


def refused(endpoint, body, **headers):
    """Note what an endpoint says against a body, as a server does; the sentence of its answer."""
    source = Source.objects.get(name="shop")
    now, sender = now_ms(), Sender(source.pk, "shop")
    call = Call("POST", "/metrics/job/a", {}, headers, body, sender, now, now - 24 * 3_600_000)
    try:
        taken = endpoint.take(call)
    except Problem as problem:
        note_problem(sender, problem)
        said = problem.message
    else:
        note_losses(sender, taken, Outcome(len(taken.readings)))
        said = taken.error
    rejections.write()
    return said


BODIES = {
    "json": (json_samples, b'[{"metric": "a", "value": "<i>"}]', "ожидается конечное число, получено:"),
    "json that is none": (json_samples, b"[", "ожидается JSON"),
    "lines": (line_protocol, b"a v=1\nb\n", "строка 2: ожидается"),
    "lines with a bad tag": (line_protocol, b"a,t=%s v=1" % (b"x" * 2_000), "ожидается не больше 1024 символов"),
    "remote_write": (remote_write, by_hand.packed(by_hand.up(ts=1)), "значение с временем 1 мс слишком старое"),
    "text with a bad label": (pushgateway, b'a{x="%s"} 1\n' % (b"y" * 2_000), "строка 1.x: ожидается не больше 1024"),
    "text": (pushgateway, b'a{x="1"} 1 5\n', "строка 1: время не ожидается"),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_was_rejected_is_told_in_the_readers_language_and_in_english_to_the_sender(russian, staff, name):
    module, body, words = BODIES[name]
    a_source()
    said = refused(module, body)
    assert not CYRILLIC.search(said)
    assert "expected" in said or "is too old" in said
    html = page(russian)
    assert html.count(words) == 2  # the last error and the example
    assert "<i>" not in html
    assert words in page(russian, f"/admin/metrics/source/{Source.objects.get(name='shop').pk}/change/")
    english = page(staff)
    assert not CYRILLIC.search(english.partition('id="source-report"')[2].partition("</main>")[0])


def test_a_failed_pull_is_told_in_the_readers_language(russian):
    source = a_source("shop", "scrape")
    pull = Pull.objects.create(source=source, url=f"http://127.0.0.1:{free_port()}/")
    with override("ru"):
        attempt = attempts.begin(pull).result(10)
    pulls.keep_attempt(pull, attempt)
    assert Source.objects.get(name="shop").last_error == "Connection refused: nothing listens at this address and port."
    words = "В соединении отказано"
    assert words in page(russian)
    assert words in page(russian, "/sources/")
    assert words in page(russian, "/admin/metrics/source/")


def test_a_trial_and_a_form_are_told_in_the_readers_language(russian):
    address = f"{ADD}?kind=http"
    tried = russian.post(address, form(url=f"http://127.0.0.1:{free_port()}/") | {"_try": "1"}).content.decode()
    assert "В соединении отказано" in tried
    assert "Адрес должен начинаться" in russian.post(address, form(url="ftp://a/")).content.decode()
    assert (
        "ожидаются metric и path" in russian.post(address, form(url="http://a/", values='[{"x": 1}]')).content.decode()
    )


@pytest.mark.django_db
def test_a_sentence_that_is_too_long_to_be_kept_is_cut():
    source = a_source()
    rejections.note(source.pk, {Reason.MALFORMED: 1}, placed("x" * EXAMPLE, sentence(UNKNOWN, host="db")))
    rejections.write()
    assert Rejection.objects.get().example == "x" * EXAMPLE + "…"
