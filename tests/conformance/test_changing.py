"""Faults that come and go while bytes are under way in others, and while connections end in them."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from tests.conformance.peers import SOON

from pytest_netchaos import Blackhole, Delay, Stall, Throttle

#: More than all the buffers on the way hold.
MUCH = 24 << 20


def stream(size: int) -> bytes:
    """Bytes that say where they belong."""
    return b"".join(b"%8d" % n for n in range(0, size, 8))


@pytest.mark.parametrize("other", [Delay(0.01), Throttle(1e6), Stall(), Delay(0.01, direction="downstream")], ids=str)
def test_a_stall_holds_whatever_comes_and_goes_beside_it(world, other):
    client, server = world.pair()
    with world.link.stall():
        client.send(b"held")
        beside = world.link.inject(other)
        assert server.sees() == "silence"
        beside.heal()
        assert server.sees() == "silence"
    assert server.receives(b"held")


@pytest.mark.parametrize("other", [Delay(0.01), Throttle(1e6), Stall(), Blackhole(direction="downstream")], ids=str)
def test_no_byte_is_early_whatever_comes_and_goes_beside_its_delay(world, other):
    client, server = world.pair()
    with world.link.delay(0.4, direction="upstream"):
        started = time.monotonic()
        client.send(b"late")
        world.link.inject(other).heal()
        assert server.receives(b"late")
        assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize("first", [Delay(5.0), Throttle(1e6), Stall()], ids=str)
@pytest.mark.parametrize("second", [Stall(), Blackhole()], ids=str)
def test_faults_with_much_in_them_heal_at_once(world, first, second):
    client, _ = world.pair()
    client.sock.setblocking(False)
    faults = [world.link.inject(first), world.link.inject(second)]
    with contextlib.suppress(BlockingIOError):
        for _ in range(64):
            client.sock.send(bytes(1 << 20))
    started = time.monotonic()
    for fault in faults:
        fault.heal()
    assert time.monotonic() - started < SOON / 2


@pytest.mark.parametrize("fault", [Throttle(50_000), Delay(30.0), Stall()], ids=str)
@pytest.mark.parametrize("end", ["cut", "client resets", "server resets"])
def test_a_fault_heals_at_once_although_connections_have_ended_in_it(world, fault, end):
    pairs = [world.pair() for _ in range(3)]
    slow = world.link.inject(fault)
    for client, server in pairs:
        client.send(bytes(300_000))
        server.send(bytes(300_000))
    if end == "cut":
        world.link.cut().heal()
    else:
        for client, server in pairs:
            (client if end == "client resets" else server).reset()
    started = time.monotonic()
    slow.heal()
    assert time.monotonic() - started < SOON / 2
    client, server = world.pair()
    client.send(b"next")
    assert server.receives(b"next")


def test_what_a_server_has_of_a_stream_with_a_hole_is_its_beginning(world):
    client, server = world.pair()
    data = stream(MUCH)
    got = bytearray()

    def send():
        try:
            client.sock.sendall(data)
        except OSError:  # reset, as it should be
            return

    def receive():
        try:
            while chunk := server.sock.recv(1 << 16):
                got.extend(chunk)
        except OSError:
            return

    threads = [threading.Thread(target=send), threading.Thread(target=receive)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        if not world.link.history().connections[0].is_open:
            break
        with world.link.blackhole(direction="upstream") as hole:
            world.link.wait_for(lambda history, hole=hole: history.now > hole.at + 0.02)
    world.link.cut()
    for thread in threads:
        thread.join(SOON)
    assert bytes(got) == data[: len(got)]
