from __future__ import annotations

import contextlib
import errno
import select

import pytest

from pytest_netchaos.patience import eventually
from pytest_netchaos.relay import sockets as module


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 300_000])
def test_looking_counts_what_the_system_counts(sockets, spin, size):
    ours, theirs = sockets.tcp_pair()
    ours.setsockopt(module._socket.SOL_SOCKET, module._socket.SO_RCVBUF, 1 << 20)
    theirs.sendall(bytes(size))
    spin(lambda: module.unread(ours) == size)
    assert module.peeked(ours) == size
    left = size
    while left:
        left -= len(ours.recv(left))


def test_elsewhere_than_on_linux_it_looks(sockets, monkeypatch):
    ours, theirs = sockets.pair()
    theirs.send(b"four")
    monkeypatch.setattr(module.sys, "platform", "darwin")
    monkeypatch.delattr(module, "ioctl")
    assert module.unread(ours) == 4


def test_nothing_can_be_counted_after_an_rst(sockets, send_rst, spin):
    ours, theirs = sockets.tcp_pair()
    send_rst(theirs)
    said = []
    spin(lambda: "broken" in said or said.append(module.glance(ours)) or "broken" in said)
    assert module.peeked(ours) == 0


def test_a_glance_sees_what_a_read_would_meet_and_takes_nothing(sockets, spin):
    ours, theirs = sockets.tcp_pair()
    assert module.glance(ours) == ""
    theirs.sendall(b"x")
    spin(lambda: module.unread(ours) == 1)
    theirs.close()
    assert module.glance(ours) == ""
    assert ours.recv(10) == b"x"
    spin(lambda: module.glance(ours) == "gone")


class Gone:
    """A socket of macOS whose peer was faster: it takes no option any more."""

    family = module._socket.AF_INET

    def __init__(self):
        self.is_closed = False

    def setsockopt(self, *_):
        raise OSError(errno.EINVAL, "Invalid argument")

    def getsockopt(self, *_):
        return 0

    def getpeername(self):
        raise OSError(errno.EINVAL, "Invalid argument")

    def close(self):
        self.is_closed = True


def test_options_that_come_too_late_do_no_harm():
    sock = Gone()
    module.no_delay(sock)
    module.close_with_rst(sock)
    assert sock.is_closed


def test_who_was_connected_and_is_over_has_been_reset():
    assert module.connect_error(Gone()) in module.RESETS


def ended(dialled):
    """How a dial ended, as soon as it has: the handshake may take longer than the call."""
    select.select([], [dialled], [], 10)
    return module.connect_error(dialled)


def test_what_is_accepted_and_dialled_does_not_block(sockets):
    listener = sockets.listener()
    dialled = sockets.keep(module.dial(listener.family, listener.getsockname()))
    select.select([listener], [], [], 10)
    accepted, peer = module.accept(listener)
    sockets.keep(accepted)
    assert peer == dialled.getsockname()
    assert (accepted.family, accepted.type) == (listener.family, listener.type)
    assert ended(dialled) == 0
    for sock in (accepted, dialled):
        with pytest.raises(BlockingIOError):
            sock.recv(1)


def test_a_dial_that_fails_at_once_says_why(tmp_path):
    with pytest.raises(OSError, match="ENOENT") as caught:
        module.dial(module.AF_UNIX, str(tmp_path / "nobody"))
    assert caught.value.errno == errno.ENOENT


def test_how_a_dial_ended_is_known_by_its_state_or_without(sockets, monkeypatch):
    listener = sockets.listener()
    address = listener.getsockname()
    for _ in range(2):
        assert ended(sockets.keep(module.dial(listener.family, address))) == 0
        monkeypatch.setattr(module, "_TCP_INFO", None)
    monkeypatch.undo()
    listener.close()
    refused = sockets.keep(module.dial(module.FAMILIES["4"], address))
    assert ended(refused) == errno.ECONNREFUSED


def test_what_the_peer_has_not_confirmed_is_counted(sockets):
    ours, theirs = sockets.tcp_pair()
    assert module.unconfirmed(ours) == 0
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += ours.send(bytes(1 << 16))
    assert 0 < module.unconfirmed(ours) <= sent
    while sent:
        sent -= len(theirs.recv(1 << 16))
    eventually(lambda: module.unconfirmed(ours) == 0)


def test_a_unix_socket_has_nothing_that_an_rst_could_destroy(sockets):
    ours, _ = sockets.pair()
    ours.send(b"x")
    assert module.unconfirmed(ours) == 0
