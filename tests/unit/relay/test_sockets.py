from __future__ import annotations

import errno

import pytest

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
