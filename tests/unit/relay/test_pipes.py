from __future__ import annotations

import errno
import fcntl
import posix
import select
import socket
from pathlib import Path

import pytest

from pytest_netchaos.patience import eventually
from pytest_netchaos.relay import pipes
from pytest_netchaos.relay.pipes import LEAST, MOST_IDLE, SIZE, Pipe, Piped, Pool
from pytest_netchaos.relay.sockets import unread

pytestmark = pytest.mark.skipif(not pipes.AVAILABLE, reason="this system has no splice")


@pytest.fixture
def pool():
    made = Pool()
    yield made
    while made._idle:
        made._idle.pop().close()


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    made.close()


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_bytes_go_from_socket_to_socket(pipe, sockets):
    source, client = sockets.tcp_pair()
    target, server = sockets.tcp_pair()
    client.sendall(b"hello")
    eventually(lambda: unread(source) == 5)
    assert pipe.fill(source) == pipe.held == 5
    assert pipe.drain(target, 2) == 2
    assert pipe.held == 3
    assert pipe.drain(target, pipe.held) == 3
    assert pipe.held == 0
    assert server.recv(5, socket.MSG_WAITALL) == b"hello"


def test_an_empty_socket_and_one_that_has_ended_are_told_apart(pipe, sockets):
    source, client = sockets.tcp_pair()
    with pytest.raises(BlockingIOError):
        pipe.fill(source)
    assert pipe.held == 0
    client.close()
    select.select([source], [], [], 10)
    assert pipe.fill(source) == 0


def test_what_is_in_a_pipe_can_be_taken_back(pipe, sockets):
    source, client = sockets.tcp_pair()
    data = bytes(range(256)) * 100
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        select.select([source], [], [], 10)
        count = pipe.fill(source)
        got += pipe.take_back(1)
        assert pipe.held == count - 1
        got += pipe.take_back(pipe.held)
        assert pipe.held == 0
    assert got == data
    assert pipe.take_back(0) == b""


def test_a_chunk_in_a_pipe_has_a_length_and_can_be_cut(pipe):
    chunk = Piped(pipe, 10)
    assert (len(chunk), len(chunk[:4]), len(chunk[4:]), len(chunk[10:])) == (10, 4, 6, 0)
    assert chunk[4:].pipe is pipe


def test_a_pipe_is_as_large_as_a_step(pipe):
    assert fcntl.fcntl(pipe._inlet, fcntl.F_GETPIPE_SZ) == SIZE


def test_a_user_whose_pipes_may_not_grow_has_smaller_ones(monkeypatch):
    real = fcntl.fcntl

    def refuse(fd, command, *arguments):
        if command == fcntl.F_SETPIPE_SZ:
            raise PermissionError(errno.EPERM, "operation not permitted")
        return real(fd, command, *arguments)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    made = Pipe()
    assert real(made._inlet, fcntl.F_GETPIPE_SZ) == LEAST
    made.close()


def test_a_pipe_that_is_too_small_is_none(pool, monkeypatch):
    monkeypatch.setattr(fcntl, "fcntl", lambda *_: 4096)
    before = descriptors()
    assert pool.borrow() is None
    assert descriptors() == before


def test_without_descriptors_there_is_no_pipe_until_there_are_some_again(pool, monkeypatch):
    def refuse(_):
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(posix, "pipe2", refuse)
        assert pool.borrow() is None
    pipe = pool.borrow()
    assert pipe is not None
    pool.give_back(pipe)


def test_an_empty_pipe_is_used_again(pool):
    first = pool.borrow()
    assert pool.borrow() is not first
    pool.give_back(first)
    assert pool.borrow() is first


def test_a_pipe_with_something_in_it_is_never_used_again(pool, sockets):
    source, client = sockets.tcp_pair()
    client.sendall(b"left over")
    pipe = pool.borrow()
    before = descriptors()
    select.select([source], [], [], 10)
    pipe.fill(source)
    pool.give_back(pipe)
    assert pool._idle == []
    assert descriptors() == before - 2


def test_there_are_so_many_pipes_and_no_more(pool, monkeypatch):
    monkeypatch.setattr(pipes, "MOST", 2)
    lent = [pool.borrow(), pool.borrow()]
    assert pool.borrow() is None
    pool.give_back(lent.pop())
    assert pool.borrow() is not None


def test_few_pipes_are_kept_without_use(pool):
    lent = [pool.borrow() for _ in range(MOST_IDLE + 3)]
    for pipe in lent:
        pool.give_back(pipe)
    assert len(pool._idle) == MOST_IDLE
