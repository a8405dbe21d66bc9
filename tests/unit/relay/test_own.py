from __future__ import annotations

import socket

import pytest

from pytest_netchaos.relay.keeper import LoneKeeper
from pytest_netchaos.relay.own import OwnPorts


@pytest.fixture
def events():
    return []


@pytest.fixture
def ports(events):
    return OwnPorts(lambda kind, _, *fields: events.append((kind, *fields)))


def bind(ports, *arguments):
    ports.commands["bind"](*map(str, arguments))


@pytest.mark.parametrize(("family", "host"), [("4", "127.0.0.1"), ("6", "::1")])
def test_a_port_is_bound_where_the_owner_says_and_told(ports, events, sockets, family, host):
    bind(ports, 7, "front", family, host, 0)
    ((kind, link, role, told_host, port),) = events
    assert (kind, link, role, told_host) == ("bound", "7", "front", host)
    listener = sockets.keep(ports.listener(7, "front"))
    socket.create_connection((host, port), 10.0).close()
    keeper = ports.keeper(listener)
    assert isinstance(keeper, LoneKeeper)
    assert keeper.address == (host, port)
    with pytest.raises(LookupError):
        ports.listener(7, "front")


def test_each_link_has_the_ports_that_were_bound_for_it(ports, events, sockets):
    for link, role in ((1, "front"), (2, "front"), (2, "inner")):
        bind(ports, link, role, "4", "127.0.0.1", 0)
    told = {(int(link), role): port for _, link, role, _, port in events}
    for key in ((2, "inner"), (1, "front"), (2, "front")):
        assert sockets.keep(ports.listener(*key)).getsockname()[1] == told[key]


def test_a_port_that_can_not_be_had_is_told_with_the_reason(ports, events, sockets):
    taken = sockets.listener().getsockname()[1]
    bind(ports, 7, "front", "4", "127.0.0.1", taken)
    assert events == [("unbound", "7", "front", "Address already in use")]
    with pytest.raises(LookupError):
        ports.listener(7, "front")


def test_what_no_link_was_made_of_is_dropped(ports, events):
    bind(ports, 7, "front", "4", "127.0.0.1", 0)
    bind(ports, 7, "inner", "4", "127.0.0.1", 0)
    ports.commands["drop"]("7")
    ports.commands["drop"]("7")
    for event in events:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(event[3:], 10.0)


def test_reading_says_what_has_come(ports, sockets):
    ours, theirs = sockets.pair()
    with pytest.raises(BlockingIOError):
        ports.read(ours)
    theirs.send(b"x")
    assert ports.read(ours) == b"x"
    theirs.close()
    assert ports.read(ours) == b""
