from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_netchaos.engines.ports import listen
from pytest_netchaos.relay.handed import HandedPorts


@pytest.fixture
def made(sockets):
    """The ports, what they read from, and the descriptors of a link."""
    channel, ours = sockets.pair()
    listener, keeper = (sockets.keep(sock) for sock in listen("127.0.0.1", 0))
    ports = HandedPorts()

    def bring(*socks):
        socket.send_fds(ours, [b"x"], [sock.fileno() for sock in socks])
        assert ports.read(channel) == b"x"

    yield SimpleNamespace(ports=ports, bring=bring, listener=listener, keeper=keeper, channel=channel, ours=ours)
    ports.close_rest()


@pytest.fixture
def open_files():
    """Say how many more descriptors there are than at first."""

    def count():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = []

    def more():
        if not before:
            before.append(count())
        return count() - before[0]

    return more


def test_the_descriptors_of_a_link_become_its_sockets(made, sockets):
    made.bring(made.listener, made.keeper)
    made.ports.expect("a link", 2)
    listener = sockets.keep(made.ports.listener(1, "front"))
    keeper = made.ports.keeper(listener)
    assert listener.getsockname() == made.listener.getsockname()
    assert keeper.address == made.keeper.getsockname()
    keeper.close()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_more_or_fewer_are_refused_and_closed(made, count, open_files):
    open_files()
    if count:
        made.bring(*[made.listener] * count)
    with pytest.raises(LookupError, match=f"^a link needs 2 descriptors, and {count} came along$"):
        made.ports.expect("a link", 2)
    made.ports.close_rest()
    assert open_files() == 0


def test_what_the_kernel_had_no_room_for_is_said(made):
    made.bring(*[made.listener] * 100)
    with pytest.raises(LookupError, match=r"^a link needs 2 descriptors, and 64 came along: no more are left here$"):
        made.ports.expect("a link", 2)


def test_what_one_message_brings_is_never_another_ones(made, sockets, open_files):
    made.bring(made.listener)
    made.bring(made.listener, made.keeper)
    with pytest.raises(LookupError):
        made.ports.expect("a link", 2)
    open_files()
    made.ports.expect("a link", 2)
    assert open_files() == -1, "the one that came before is closed"
    listener = sockets.keep(made.ports.listener(1, "front"))
    made.ports.keeper(listener).close()


def test_a_file_is_refused_and_closed(made, open_files):
    with Path(os.devnull).open("rb") as null:
        open_files()
        made.bring(null, null)
    made.ports.expect("a link", 2)
    with pytest.raises(ValueError, match=r"^a descriptor that came along is no socket: "):
        made.ports.listener(1, "front")
    made.ports.close_rest()
    assert open_files() == -1, "the file itself is closed too"


def test_a_socket_that_does_not_listen_is_no_listener(made, open_files):
    open_files()
    made.bring(made.keeper)
    made.ports.expect("a port", 1)
    with pytest.raises(ValueError, match=r"doesn't listen$"):
        made.ports.listener(1, "front")
    assert open_files() == 0


@pytest.mark.parametrize("other", ["listener", "elsewhere", "unbound", "datagrams", "file"])
def test_what_keeps_no_port_is_no_keeper(made, sockets, open_files, other):
    elsewhere = [sockets.keep(sock) for sock in listen("127.0.0.1", 0)][1]
    unbound = sockets.keep(socket.socket())
    datagrams = sockets.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    datagrams.bind(made.keeper.getsockname())
    with Path(os.devnull).open("rb") as file:
        kinds = {"listener": made.listener, "elsewhere": elsewhere, "unbound": unbound, "datagrams": datagrams}
        open_files()
        made.bring(made.listener, kinds.get(other, file))
        made.ports.expect("a link", 2)
        listener = made.ports.listener(1, "front")
        with pytest.raises(ValueError, match="descriptor"):
            made.ports.keeper(listener)
        assert open_files() == 0, "the listener is closed as well"
