from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.utils import timezone

from tests.live.conftest import PASSWORD


@pytest.fixture(autouse=True)
def three_tries(settings):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3


def try_to_sign_in(client, password, name="bob", address="10.0.0.1", path="/accounts/login/"):
    return client.post(path, {"username": name, "password": password}, REMOTE_ADDR=address)


def fail(client, times, **options):
    for _ in range(times):
        answer = try_to_sign_in(client, "wrong", **options)
    return answer


def test_a_few_wrong_tries_are_forgiven(client, bob):
    fail(client, 2)
    assert try_to_sign_in(client, PASSWORD).status_code == 302


def test_after_too_many_even_the_right_password_is_refused_with_a_sentence(client, bob):
    assert fail(client, 3).status_code == 429
    answer = try_to_sign_in(client, PASSWORD)
    assert answer.status_code == 429
    assert "Too many tries" in answer.text
    assert "sessionid" not in client.cookies


def test_the_door_of_the_admin_is_the_same(client, bob):
    fail(client, 3, path="/admin/login/")
    assert try_to_sign_in(client, PASSWORD).status_code == 429


def test_others_at_other_addresses_are_not_locked_out_with_them(client, bob, charlie):
    fail(client, 3)
    assert try_to_sign_in(client, PASSWORD, address="10.0.0.2").status_code == 302
    client.logout()
    assert try_to_sign_in(client, PASSWORD, name="charlie").status_code == 302


def test_it_is_over_after_five_minutes(client, bob):
    fail(client, 3)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=5, seconds=1))
    assert try_to_sign_in(client, PASSWORD).status_code == 302


def test_the_password_that_was_tried_is_kept_nowhere(client, bob):
    fail(client, 2)
    assert "wrong" not in str(AccessAttempt.objects.values())
