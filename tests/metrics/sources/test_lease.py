from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import environ
import pytest
from django.db import connection, connections, transaction
from django.db.models import F
from django.db.models.functions import Now

from metrics.sources import lease
from metrics.sources.lease import LeaseLost
from metrics.sources.models import Lease

pytestmark = pytest.mark.django_db(transaction=True)


def let_pass(seconds):
    """As if so much time had gone by on the database's clock."""
    Lease.objects.update(expires_at=F("expires_at") - timedelta(seconds=seconds))


def check(generation):
    with transaction.atomic():
        lease.check(generation)


def in_thread(function, *args):
    """Run in a thread, which has a connection of its own."""

    def work():
        try:
            return function(*args)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(10)


def test_the_first_takes_the_lease_and_the_second_does_not():
    assert lease.take("alice") == 1
    assert lease.take("bob") is None
    assert Lease.objects.get().holder == "alice"


@pytest.mark.parametrize("seconds, taken", [(9, None), (11, 2)])
def test_the_lease_is_free_after_ten_seconds(seconds, taken):
    lease.take("alice")
    let_pass(seconds)
    assert lease.take("bob") == taken


def test_every_takeover_is_a_new_generation_also_for_the_same_name():
    generations = []
    for _time in range(3):
        generations.append(lease.take("alice"))
        let_pass(11)
    assert generations == [1, 2, 3]


def test_a_check_renews():
    first = lease.take("alice")
    let_pass(9)
    check(first)
    let_pass(9)
    assert lease.take("bob") is None


def test_who_was_stopped_and_resumed_cannot_write():
    first = lease.take("alice")
    let_pass(11)
    second = lease.take("bob")
    with pytest.raises(LeaseLost):
        check(first)
    check(second)


def test_who_is_late_but_was_not_replaced_goes_on():
    first = lease.take("alice")
    let_pass(60)
    check(first)


def test_a_released_lease_is_free_at_once():
    first = lease.take("alice")
    lease.release(first)
    assert lease.take("bob") == 2


def test_only_the_holder_releases():
    first = lease.take("alice")
    let_pass(11)
    lease.take("bob")
    lease.release(first)
    assert lease.take("alice") is None


def test_of_many_at_once_one_gets_it():
    Lease.objects.create(name=lease.COLLECTOR, expires_at=Now() - timedelta(seconds=1))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda name: in_thread(lease.take, name), ["alice", "bob", "charlie", "alice"]))
    assert sorted(taken, key=bool) == [None, None, None, 1]


@pytest.fixture
def on_postgresql(transactional_db, postgres_url):
    """PostgreSQL as the database, whatever the others are run on, with the one table that is needed."""
    there, settings = connections["default"], connections.settings["default"]
    connections.settings["default"] = settings | environ.Env.db_url_config(postgres_url) | {"OPTIONS": {}}
    connections["default"] = connections.create_connection("default")
    try:
        with connection.schema_editor() as editor:
            editor.create_model(Lease)
        yield
    finally:
        connection.close()
        connections["default"], connections.settings["default"] = there, settings


def test_nobody_takes_over_in_the_middle_of_a_transaction_and_nobody_waits_for_it(on_postgresql):
    first = lease.take("alice")
    let_pass(11)
    with transaction.atomic():
        lease.check(first)
        assert in_thread(lease.take, "bob") is None


def test_postgresql_ends_the_transaction_of_a_process_that_stands_still(on_postgresql):
    first = lease.take("alice")
    with transaction.atomic(), connection.cursor() as cursor:
        lease.check(first)
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("10s",)
