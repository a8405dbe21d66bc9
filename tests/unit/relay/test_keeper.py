from __future__ import annotations

import contextlib
import errno
import socket

import pytest

from pytest_netchaos.relay import sockets as module
from pytest_netchaos.relay.keeper import Keeper, LoneKeeper
from pytest_netchaos.relay.sockets import bind, listen

LOOPBACKS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@pytest.fixture(params=LOOPBACKS)
def family(request):
    return request.param


@pytest.fixture(params=[Keeper, LoneKeeper])
def kept(request, family, sockets):
    """A listening socket, and what keeps its port."""
    if request.param is LoneKeeper:
        listener = sockets.keep(listen(family, (LOOPBACKS[family], 0)))
        keeper = LoneKeeper(listener)
    else:
        keeper = Keeper(sockets.keep(bind(family, (LOOPBACKS[family], 0))))
        listener = sockets.keep(keeper.listen())
    with contextlib.closing(keeper):
        yield listener, keeper


def dial(keeper):
    return socket.create_connection(keeper.address, 10.0)


def take(listener, sockets):
    """Accept a client. Its ``connect`` may have returned before the last packet of the handshake has arrived."""
    listener.setblocking(True)
    accepted = sockets.keep(module.adopt(listener._accept()[0]))
    accepted.setblocking(True)
    return accepted


def is_refused(keeper):
    try:
        dial(keeper).close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_knows_where_it_is(kept, family):
    listener, keeper = kept
    assert keeper.family == family
    assert keeper.address == listener.getsockname()[:2]


def test_a_port_that_is_shut_refuses_and_is_nobody_elses(kept, family):
    listener, keeper = kept
    with dial(keeper):
        keeper.shut(listener)
        assert is_refused(keeper)
        with socket.socket(family) as other, pytest.raises(OSError, match="in use"):
            other.bind(keeper.address)


def test_it_opens_and_shuts_again_and_again_with_connections_open(kept, sockets):
    listener, keeper = kept
    for _ in range(3):
        client = sockets.keep(dial(keeper))
        accepted = take(listener, sockets)
        keeper.shut(listener)
        assert is_refused(keeper)
        client.sendall(b"x")
        assert accepted.recv(1) == b"x"
        listener = sockets.keep(keeper.listen())
    dial(keeper).close()


def test_a_closed_keeper_gives_the_port_back(kept, family):
    listener, keeper = kept
    keeper.shut(listener)
    keeper.close()
    keeper.close()
    with socket.socket(family) as other:
        other.bind(keeper.address)


def test_a_port_that_could_not_be_kept_is_opened_if_nobody_has_taken_it(monkeypatch, sockets):
    listener = listen(socket.AF_INET, ("127.0.0.1", 0))
    keeper = LoneKeeper(listener)
    with monkeypatch.context() as patch:
        patch.setattr(module, "bind", fail)
        keeper.shut(listener)
    with socket.create_server(keeper.address), pytest.raises(OSError, match="in use"):
        keeper.listen()
    sockets.keep(keeper.listen())
    dial(keeper).close()


def test_who_can_not_listen_goes_on_keeping_the_port(monkeypatch):
    listener = listen(socket.AF_INET, ("127.0.0.1", 0))
    keeper = LoneKeeper(listener)
    keeper.shut(listener)
    with monkeypatch.context() as patch, pytest.raises(OverflowError):
        patch.setattr(module, "BACKLOG", 1 << 40)
        keeper.listen()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(keeper.address)
    keeper.close()


def fail(*_, **__):
    raise OSError(errno.EADDRINUSE, "in use")
