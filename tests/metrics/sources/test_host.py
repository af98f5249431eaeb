from __future__ import annotations

import time
from types import SimpleNamespace as Fake

import psutil
import pytest

from metrics.sources import host as hosts
from metrics.sources.host import Host

SINGLE = {"host.cpu", "host.memory", "host.load", "host.disk.used"}
RATES = {"host.disk.read", "host.disk.write", "host.network.in", "host.network.out"}


@pytest.fixture
def machine(monkeypatch):
    """A machine whose counters and clock the test sets: `read` and `received` bytes, `now` seconds, `mounts`."""
    machine = Fake(read=0, received=0, now=1_000.0, mounts={"/": 40.0})

    def disk_usage(mount):
        if mount not in machine.mounts:
            raise PermissionError
        return Fake(percent=machine.mounts[mount], total=100)

    disks = {"sda": Fake(read_bytes=0, write_bytes=0)}
    monkeypatch.setattr(psutil, "cpu_percent", lambda: 12.5)
    monkeypatch.setattr(psutil, "disk_usage", disk_usage)
    monkeypatch.setattr(
        psutil, "disk_io_counters", lambda perdisk: disks | {"sda": Fake(read_bytes=machine.read, write_bytes=0)}
    )
    monkeypatch.setattr(
        psutil,
        "net_io_counters",
        lambda pernic: {
            "lo": Fake(bytes_recv=machine.received * 9, bytes_sent=0),
            "eth0": Fake(bytes_recv=machine.received, bytes_sent=0),
        },
    )
    monkeypatch.setattr(hosts, "_is_physical", lambda disk: True)
    monkeypatch.setattr(hosts, "_mounts", lambda: list(machine.mounts))
    monkeypatch.setattr(hosts, "monotonic", lambda: machine.now)
    return machine


def by_metric(host):
    return {figure.metric: figure.value for figure in host.figures()}


def test_a_real_machine_gives_every_figure():
    host = Host()
    host.prime()
    time.sleep(0.05)
    figures = by_metric(host)
    assert figures.keys() >= SINGLE | RATES
    assert 0 < figures["host.memory"] <= 100
    assert 0 < figures["host.disk.used"] <= 100
    assert all(value >= 0 for value in figures.values())


def test_a_tick_is_cheap_enough_for_every_second():
    host = Host()
    host.prime()
    started = time.perf_counter()
    for _ in range(20):
        host.figures()
    assert (time.perf_counter() - started) / 20 < 0.05


def test_readings_stand_side_by_side_and_carry_their_units(machine):
    host = Host()
    host.prime()
    machine.now += 1
    readings = host.readings(7, 1_000)
    assert {reading.ts for reading in readings} == {1_000}
    assert {reading.identity.source for reading in readings} == {7}
    units = {reading.identity.metric: reading.unit for reading in readings}
    assert units["host.cpu"] == "%"
    assert {units[metric] for metric in RATES} == {"B/s"}


def test_rates_are_bytes_per_second_of_what_went_by(machine):
    host = Host()
    host.prime()
    machine.now, machine.read, machine.received = machine.now + 2, 3_000, 500
    figures = by_metric(host)
    assert (figures["host.disk.read"], figures["host.network.in"]) == (1_500.0, 250.0)


def test_the_loopback_is_no_network(machine):
    host = Host()
    host.prime()
    machine.now, machine.received = machine.now + 1, 10
    assert by_metric(host)["host.network.in"] == 10.0


def test_without_priming_the_first_tick_shows_no_rates_rather_than_wrong_ones(machine):
    machine.read = 5_000_000
    host = Host()
    assert not RATES & by_metric(host).keys()
    machine.now += 1
    assert by_metric(host).keys() >= RATES


def test_a_counter_that_fell_is_passed_over_once(machine):
    machine.read = 1_000
    host = Host()
    host.prime()
    machine.now, machine.read = machine.now + 1, 10
    assert "host.disk.read" not in by_metric(host)
    machine.now, machine.read = machine.now + 1, 30
    assert by_metric(host)["host.disk.read"] == 20.0


def test_disk_used_is_that_of_the_fullest_mount(machine):
    machine.mounts = {"/": 40.0, "/data": 91.0}
    assert by_metric(Host())["host.disk.used"] == 91.0


def test_several_mounts_are_shown_each_by_itself(machine):
    machine.mounts = {"/": 40.0, "/data": 91.0}
    mounts = {figure.labels: figure.value for figure in Host().figures() if figure.metric == "host.disk.mount.used"}
    assert mounts == {(("mount", "/"),): 40.0, (("mount", "/data"),): 91.0}


def test_a_single_mount_is_not_shown_twice(machine):
    assert "host.disk.mount.used" not in by_metric(Host())


def test_a_mount_that_cannot_be_read_is_left_out(machine):
    host = Host()
    host.figures()
    machine.mounts = {}
    assert "host.disk.used" not in by_metric(host)


def test_mounts_are_looked_up_once_a_minute(machine, monkeypatch):
    calls = []
    monkeypatch.setattr(hosts, "_mounts", lambda: calls.append(1) or ["/"])
    host = Host()
    for seconds in (0, 1, 58, 2):
        machine.now += seconds
        host.figures()
    assert len(calls) == 2


def test_one_file_system_at_many_places_counts_once_and_five_are_enough(monkeypatch, tmp_path):
    places = [tmp_path / name for name in "abcdefgh"]
    for place in places:
        place.mkdir()
    devices = {str(place): number // 2 for number, place in enumerate(places)} | {"/": 99}
    monkeypatch.setattr(psutil, "disk_partitions", lambda: [Fake(mountpoint=str(p), device="/dev/x") for p in places])
    monkeypatch.setattr(psutil, "disk_usage", lambda mount: Fake(percent=devices[mount], total=1))
    monkeypatch.setattr(hosts, "_device", devices.__getitem__)
    assert hosts._mounts() == ["/", str(places[6]), str(places[4]), str(places[2]), str(places[0])]


def test_a_file_that_is_mounted_and_a_loop_device_are_no_disks(monkeypatch, tmp_path):
    file = tmp_path / "resolv.conf"
    file.write_text("")
    mounted = [Fake(mountpoint=str(file), device="/dev/vda1"), Fake(mountpoint=str(tmp_path), device="/dev/loop3")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda: mounted)
    assert hosts._mounts() == ["/"]
