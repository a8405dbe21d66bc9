from __future__ import annotations

import errno
import socket
from types import SimpleNamespace

import pytest
from tests.unit.relay.proxied import Watch

from pytest_netchaos.relay.port import Port

#: Seconds that what happens at once takes at most, on a busy machine.
SOON = 20.0


class Host:
    """Writes down what it hears, in order."""

    def __init__(self, keep):
        self.heard = []
        #: When those who are welcome dialled.
        self.times = []
        self._keep = keep

    def welcome(self, client, peer, at):
        self._keep(client)
        self.times.append(at)
        self.heard.append(("welcome", peer[1]))

    def refuse(self, peer, at):
        self.heard.append(("refuse", peer, at))

    def blinded(self, why):
        self.heard.append(("blinded", why))

    def trouble(self, text):
        self.heard.append(("trouble", text))


@pytest.fixture
def made(loop, sockets, reserve):
    listener, keeper = reserve()
    host, watch = Host(sockets.keep), Watch()
    port = Port(loop, watch, host, listener, keeper)
    yield SimpleNamespace(port=port, host=host, watch=watch, address=keeper.address)
    port.stop()
    port.close()


@pytest.fixture
def dial(made, sockets):
    """Dial the port; return the number of the client's own."""
    return lambda: sockets.keep(socket.create_connection(made.address, 10.0)).getsockname()[1]


def test_each_who_dials_is_welcome_in_order(made, dial, spin):
    dialled = [dial() for _ in range(3)]
    spin(lambda: len(made.host.heard) == 3)
    assert made.host.heard == [("welcome", port) for port in dialled]
    assert made.port.is_open


def test_who_is_through_the_handshake_when_it_shuts_is_welcome_still(made, dial):
    dialled = dial()
    made.port.shut()
    assert made.host.heard == [("welcome", dialled)]
    assert not made.port.is_open
    with pytest.raises(ConnectionRefusedError):
        dial()


def test_a_port_that_is_shut_already_stays_so(made):
    made.port.shut()
    made.port.shut()
    assert not made.port.is_open


def test_who_is_seen_while_it_is_shut_is_refused(made):
    made.port.shut()
    made.watch.coming.append("127.0.0.1:9")
    made.watch.catch_up(socket.AF_INET)
    assert made.host.heard == [("refuse", "127.0.0.1:9", 1.5)]


def test_who_is_seen_when_it_opens_was_refused_at_the_time_of_his_dial(made):
    made.port.shut()
    made.watch.coming.append("127.0.0.1:9")
    made.port.open()
    assert made.host.heard == [("refuse", "127.0.0.1:9", 1.5)]


def test_who_is_seen_while_it_is_open_is_none_of_its_business(made):
    made.port.shut()
    (saw,) = made.watch.wanted.values()
    made.port.open()
    saw("127.0.0.1:9", 1.5)
    assert made.host.heard == []


def test_it_opens_at_the_same_address(made, dial, spin):
    made.port.shut()
    made.port.open()
    assert made.port.is_open
    assert made.watch.wanted == {}, "nobody looks out while it is open"
    dialled = dial()
    spin(lambda: made.host.heard == [("welcome", dialled)])


def test_without_the_right_to_watch_it_says_so_once(made):
    made.watch.fails_with = PermissionError(errno.EPERM, "not permitted")
    made.port.shut()
    made.port.open()
    made.port.shut()
    assert made.host.heard == [("blinded", "[Errno 1] not permitted")]


def test_out_of_descriptors_it_says_what_can_not_be_seen(made):
    made.watch.fails_with = OSError(errno.EMFILE, "too many open files")
    made.port.shut()
    assert [what for what, _ in made.host.heard] == ["blinded", "trouble"]
    assert made.host.heard[1][1].startswith("can't see who is refused: ")


def test_a_port_that_is_stopped_refuses_nobody_of_its_own_account(made, dial):
    dialled = dial()
    made.port.stop()
    assert made.host.heard == [("welcome", dialled)]
    assert made.watch.wanted == {}
