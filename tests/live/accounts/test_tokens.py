"""A personal token names its person as long as both are alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from live.accounts.models import PersonalToken
from live.accounts.tokens import make_personal_token, person_of_token, revoke_personal_token


def test_a_token_names_its_person(bob, charlie):
    mine, other = make_personal_token(bob), make_personal_token(charlie)
    ids = dict(PersonalToken.objects.values_list("user_id", "pk"))
    assert person_of_token(mine) == (ids[bob.pk], bob.pk)
    assert person_of_token(other) == (ids[charlie.pk], charlie.pk)
    assert mine.startswith("wfp_")
    assert len(mine) == 4 + 43  # 256 bits


def test_only_a_digest_and_the_beginning_are_stored(bob):
    text = make_personal_token(bob, "deploys")
    row = PersonalToken.objects.values().get()
    assert row["prefix"] == text[:10]
    assert text not in map(str, row.values())
    assert len(row["digest"]) == 64


@pytest.mark.parametrize(
    "text", ["", "wfp_", "wfp_" + "x" * 43, "x" * 47, "wfp_" + "x" * 10_000, "wfp_\ud800", "wfp_\x00"]
)
def test_what_is_no_token_names_nobody(bob, text):
    make_personal_token(bob)
    assert person_of_token(text) is None


def test_a_token_of_somebody_who_is_no_longer_active_names_nobody(bob):
    text = make_personal_token(bob)
    bob.is_active = False
    bob.save()
    assert person_of_token(text) is None


def test_revoking_happens_once(bob):
    text = make_personal_token(bob)
    token = PersonalToken.objects.get()
    assert revoke_personal_token(token)
    assert not revoke_personal_token(token)
    assert person_of_token(text) is None


def test_the_last_use_is_noted_to_the_minute(bob):
    text = make_personal_token(bob)
    assert PersonalToken.objects.get().last_used_at is None
    person_of_token(text)
    assert PersonalToken.objects.get().last_used_at
    for age, noted in ((timedelta(seconds=58), False), (timedelta(seconds=61), True)):
        before = timezone.now() - age
        PersonalToken.objects.update(last_used_at=before)
        person_of_token(text)
        assert (PersonalToken.objects.get().last_used_at != before) is noted
