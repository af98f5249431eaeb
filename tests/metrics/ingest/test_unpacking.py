from __future__ import annotations

import gzip
import random
import resource
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest.calls import MIB
from metrics.ingest.problems import Problem
from metrics.ingest.unpacking import MEMBERS, Gunzip, gunzip

NOISE = random.Random(7).randbytes(300_000)


def in_chunks(data, most, size, step):
    stream = Gunzip(most, step=step)
    parts = [part for at in range(0, len(data), size) for part in stream.feed(data[at : at + size])]
    stream.finish()
    assert all(len(part) <= step for part in parts)
    return b"".join(parts)


@pytest.mark.parametrize("body", [b"", b"a", b"x" * 100_000, NOISE])
def test_what_was_packed_is_unpacked(body):
    assert gunzip(gzip.compress(body), 400_000) == body


@given(
    bodies=st.lists(st.binary(max_size=200) | st.just(b"x" * 3_000), min_size=1, max_size=3),
    size=st.integers(1, 50),
    step=st.integers(1, 300),
)
def test_however_it_is_cut_and_joined_it_comes_to_the_same(bodies, size, step):
    packed, whole = b"".join(gzip.compress(body) for body in bodies), b"".join(bodies)
    assert in_chunks(packed, 10_000, size, step) == gunzip(packed, 10_000) == whole


@pytest.mark.parametrize("size", [999, 1_000])
def test_as_much_as_is_agreed_is_unpacked_and_a_byte_more_is_not(size):
    packed = gzip.compress(b"x" * size)
    assert len(gunzip(packed, size)) == len(in_chunks(packed, size, 7, 64)) == size
    for unpack in (lambda: gunzip(packed, size - 1), lambda: in_chunks(packed, size - 1, 7, 64)):
        with pytest.raises(Problem) as caught:
            unpack()
        assert caught.value.status == 413


def test_a_bomb_is_refused_quickly_and_costs_no_memory():
    bomb = gzip.compress(b"\0" * (200 * MIB), 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with pytest.raises(Problem) as caught:
        gunzip(bomb, 8 * MIB)
    assert caught.value.status == 413
    assert time.perf_counter() - started < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024, "KiB"


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(NOISE)[:-1], gzip.compress(b"a") + b"rest", b"\x1f\x8b"])
def test_what_is_no_gzip_is_refused(body):
    for unpack in (lambda: gunzip(body, MIB), lambda: in_chunks(body, MIB, 1_000, 1_000)):
        with pytest.raises(Problem) as caught:
            unpack()
        assert caught.value.status == 400


def test_very_many_joined_parts_are_refused_before_they_take_long():
    part = gzip.compress(b"")
    assert gunzip(part * MEMBERS, MIB) == b""
    started = time.perf_counter()
    with pytest.raises(Problem):
        gunzip(part * 400_000, MIB)
    assert time.perf_counter() - started < 1


def test_an_empty_body_is_empty_whatever_it_is_called():
    assert gunzip(b"", MIB) == b""
