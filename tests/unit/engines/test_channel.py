from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from pytest_netchaos.engines import channel as module
from pytest_netchaos.engines.channel import Channel
from pytest_netchaos.errors import EngineError
from pytest_netchaos.relay.wire import encode

FOREVER = 30.0


def soon():
    return time.monotonic() + FOREVER


def test_a_request_returns_the_relays_time(made):
    assert made.request("fault", 1, "a\tb", 0.25) == 1.5
    assert made.relay.commands == [("fault", 1, "1", "a\tb", "0.25")]


def test_each_command_has_a_number_of_its_own(made):
    for _ in range(3):
        made.request("sync")
    assert [number for _, number in made.relay.commands] == [1, 2, 3]


def test_a_refused_command_says_which_and_why(made):
    made.relay.answer = lambda _name, number, _arguments: [("no", number, "ValueError: bad luck")]
    with pytest.raises(EngineError, match=r"^the relay refused 'fault': ValueError: bad luck$"):
        made.request("fault")
    assert made.is_open


def test_events_before_an_answer_are_delivered_before_it(made):
    made.relay.answer = lambda _name, number, _arguments: [("on", 1.0, 7), ("off", 2.0, 7), ("ok", number, 3.0)]
    assert made.request("fault") == 3.0
    assert made.events == [["on", "1.0", "7"], ["off", "2.0", "7"]]


def test_threads_get_each_its_own_answer_whatever_the_order(made, in_thread):
    held = []

    def answer(name, number, arguments):
        held.append((arguments[0], number))
        if len(held) < 8:
            return []
        return [("ok", number, float(argument)) for argument, number in reversed(held)]

    made.relay.answer = answer
    results = [in_thread(lambda n=n: made.request("sync", n)) for n in range(8)]
    assert [result() for result in results] == [float(n) for n in range(8)]


def test_many_threads_at_once(made, in_thread):
    made.relay.answer = lambda _name, number, arguments: [("event", *arguments), ("ok", number, float(arguments[0]))]

    def many(base):
        return [made.request("sync", base + n) for n in range(50)]

    results = [in_thread(lambda base=base: many(base)) for base in (0, 1000, 2000, 3000)]
    assert [result() for result in results] == [[base + n for n in range(50)] for base in (0, 1000, 2000, 3000)]
    assert len(made.events) == 200


def test_events_are_delivered_while_somebody_waits(made, in_thread):
    result = in_thread(lambda: made.wait(lambda: len(made.events) == 2, soon()))
    made.relay.send(("dial", 1), ("open", 1))
    assert result() is True
    assert made.events == [["dial", "1"], ["open", "1"]]


def test_one_reads_for_all_who_wait(made, in_thread):
    results = [in_thread(lambda n=n: made.wait(lambda: len(made.events) >= n, soon())) for n in (1, 2, 3, 2)]
    for n in range(3):
        made.relay.send(("dial", n))
    assert [result() for result in results] == [True] * 4


def test_a_message_may_arrive_in_pieces(made, in_thread):
    result = in_thread(lambda: made.wait(lambda: made.events, soon()))
    for byte in encode("dial", "a\tb"):
        made.relay.sock.sendall(bytes([byte]))
    assert result()
    assert made.events == [["dial", "a\tb"]]


def test_events_are_delivered_under_the_lock(made, in_thread):
    result = in_thread(lambda: made.wait(lambda: made.events, soon()))
    with made.locked():
        made.relay.send(("dial", 1))
        assert made.events == []
    assert result()


def test_a_wait_ends_in_time_without_what_it_waited_for(made):
    before = time.monotonic()
    assert made.wait(lambda: False, before + 0.02) is False
    assert time.monotonic() >= before + 0.02


def test_what_is_already_so_is_not_waited_for(made):
    assert made.wait(lambda: True, 0.0) is True


def test_a_cancelled_wait_ends_when_it_is_nudged(made, in_thread):
    flags, waiting = [], threading.Event()

    def is_done():
        waiting.set()
        return False

    results = [in_thread(lambda: made.wait(is_done, soon(), lambda: bool(flags))) for _ in range(3)]
    assert waiting.wait(10)
    flags.append("cancelled")
    made.nudge()
    assert [result() for result in results] == [False] * 3
    assert made.relay.commands[-1][0] == "sync"


def test_a_post_is_not_waited_for_and_its_failure_is_told_later(made):
    made.relay.answer = lambda name, number, _arguments: [
        ("ok", number, 1.0) if name == "sync" else ("no", number, f"{name} failed")
    ]
    made.post("link", 1)
    made.post("hello")
    made.raise_failures()
    made.request("sync")
    with pytest.raises(EngineError, match=r"^link failed; hello failed$"):
        made.raise_failures()
    made.raise_failures()


def test_descriptors_travel_with_their_command(made):
    ours, theirs = socket.socketpair()
    received = []
    other = Channel(ours, received.append, str)
    read, write = os.pipe()
    with theirs:
        other.post("link", 1, fds=[write])
        message, fds, _, _ = socket.recv_fds(theirs, 1000, 4)
        other.close()
    assert message == b"link\t1\t1\n"
    os.write(fds[0], b"x")
    assert os.read(read, 1) == b"x"
    for fd in (read, write, *fds):
        os.close(fd)


def test_a_relay_that_does_not_answer_is_given_up(made, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.02)
    made.relay.answer = lambda *_: []
    with pytest.raises(EngineError, match=r"^the relay has not answered 'sync' within 0\.02 s$"):
        made.request("sync")
    assert made.is_open


def test_what_has_arrived_is_looked_at_even_if_there_is_no_time_left(made):
    made.relay.send(("dial", 1))
    assert made.wait(lambda: made.events, 0.0)


class Impatient:
    """A lock that fails where a real one would wait for ever."""

    def __init__(self):
        self._lock = threading.Lock()
        self.taken = threading.Event()

    def __enter__(self):
        assert self._lock.acquire(timeout=5), "deadlock"
        self.taken.set()

    def __exit__(self, *_):
        self._lock.release()


def test_a_condition_may_send_commands_while_another_thread_does(made, in_thread):
    made._sending = lock = Impatient()
    results, started = [], threading.Event()

    def request():
        started.set()
        return made.request("sync")

    def is_done():
        if not results:
            results.append(in_thread(request))
            assert started.wait(10)
            lock.taken.wait(0.3)  # it may be kept from that, and that would be fine
            made.request("sync")
        return True

    try:
        assert made.wait(is_done, soon())
    finally:
        assert results[0]() == 1.5
