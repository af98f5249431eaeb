from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from metrics.sources import addresses
from metrics.sources.addresses import is_allowed
from metrics.sources.guard import fetch
from metrics.sources.pulling import PullFailed
from tests.servers.pulled import pulled_server

NEVER = [
    "0.0.0.0", "0.1.2.3", "::", "169.254.1.1", "169.254.169.254", "fe80::1", "fe80::1%lo", "224.0.0.1", "ff02::1",
    "255.255.255.255", "240.0.0.1", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42",
    "::ffff:169.254.169.254", "::ffff:0.0.0.0", "2002:a9fe:a9fe::1", "64:ff9b::a9fe:a9fe",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.8.9.1", "::1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "fd12:3456::1", "fec0::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.fixture
def page():
    with pulled_server() as pulled:
        pulled.documents["/"] = b"a 1\n"
        yield pulled


def failed(url, **options):
    with pytest.raises(PullFailed) as error:
        fetch(url, **({"timeout_s": 5} | options))
    return str(error.value)


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_fetched(address):
    assert not is_allowed(ip_address(address), private=True)
    assert not is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_fetched_where_the_setting_says_so(address):
    assert is_allowed(ip_address(address), private=True)
    assert not is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_fetched(address):
    assert is_allowed(ip_address(address), private=True)
    assert is_allowed(ip_address(address), private=False)


def test_nothing_is_asked_of_a_private_address_where_that_is_switched_off(page, settings):
    settings.PULL_PRIVATE = False
    assert failed(page.url) == "127.0.0.1 is at an address that is not fetched."
    assert page.asked == []


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[::]", "[::ffff:169.254.169.254]", "0xa9fea9fe"])
def test_the_metadata_of_a_cloud_is_not_asked_in_whatever_spelling(host):
    assert failed(f"http://{host}/latest/meta-data/").endswith("is at an address that is not fetched.")


def test_a_name_that_changes_its_address_is_judged_by_that_which_is_used(page, resolver):
    port = page.url.rpartition(":")[2]
    resolver["rebinding.example"] = [["127.0.0.1"], ["169.254.169.254"]]
    assert fetch(f"http://rebinding.example:{port}/", timeout_s=5) == b"a 1\n"
    assert page.asked[0].headers["host"] == f"rebinding.example:{port}"
    assert failed(f"http://rebinding.example:{port}/").endswith("is at an address that is not fetched.")


def test_of_several_addresses_the_first_that_is_allowed_and_answers_is_used(page, resolver):
    port = page.url.rpartition(":")[2]
    resolver["many.example"] = [["169.254.169.254", "127.0.0.2", "127.0.0.1"]]
    assert fetch(f"http://many.example:{port}/", timeout_s=5) == b"a 1\n"


def test_an_unknown_name_is_said_to_be_so(monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", unknown)
    assert failed("http://nowhere.example/") == "The name nowhere.example is not known."
