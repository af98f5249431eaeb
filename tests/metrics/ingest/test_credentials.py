from __future__ import annotations

from base64 import b64encode

import pytest

from metrics.ingest.credentials import token_of, without_secrets


def basic(text):
    return "Basic " + b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer wfs_x"},
        {"authorization": "bearer  wfs_x "},
        {"authorization": "Token wfs_x"},
        {"authorization": basic("shop:wfs_x")},
        {"authorization": basic(":wfs_x")},
        {"x-api-key": "wfs_x"},
        {"authorization": "Digest wfs_y", "x-api-key": "wfs_x"},
    ],
)
def test_a_token_is_found_in_every_header_that_senders_use(headers):
    assert token_of(headers, {}) == "wfs_x"
    assert token_of(headers, {"p": "wfs_y"}, query_token=True) == "wfs_x"


@pytest.mark.parametrize("query", [{"u": "shop", "p": "wfs_x"}, {"p": "wfs_x"}, {"token": "wfs_x"}])
def test_a_query_holds_a_token_only_where_it_may(query):
    assert token_of({}, query, query_token=True) == "wfs_x"
    assert token_of({}, query) == ""


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic", "Basic !", "Basic " + "x" * 9, basic("shop"), "Basic /w==", "wfs_x", "Digest wfs_x"],
)
def test_another_header_holds_none(header):
    assert token_of({"authorization": header}, {}) == ""


def test_no_format_sees_a_secret_of_the_query():
    assert without_secrets({"u": "shop", "p": "x", "token": "y", "db": "home"}) == {"db": "home"}
