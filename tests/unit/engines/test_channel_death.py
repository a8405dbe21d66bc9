from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from pytest_netchaos.errors import EngineDied

FOREVER = 30.0


def soon():
    return time.monotonic() + FOREVER


def test_a_dead_relay_is_told_to_everybody_who_waits(made, in_thread):
    made.relay.answer = lambda *_: []
    results = [in_thread(lambda: made.request("sync")) for _ in range(3)]
    results += [in_thread(lambda: made.wait(lambda: False, soon())) for _ in range(3)]
    made.relay.wait_for(3)
    made.relay.die()
    for result in results:
        with pytest.raises(EngineDied, match=r"^the relay (ended|can't be told 'sync': .*)\nan obituary$"):
            result()
    assert not made.is_open


def test_a_dead_relay_is_told_to_whoever_comes_later(made):
    made.relay.die()
    with pytest.raises(EngineDied):
        made.wait(lambda: False, soon())
    for call in (lambda: made.request("sync"), lambda: made.post("sync"), made.raise_failures):
        with pytest.raises(EngineDied, match="an obituary"):
            call()
    made.nudge()
    assert made.wait(lambda: True, soon()) is True, "what is so, is so"


def test_what_the_relay_said_last_is_heard(made):
    made.relay.send(("dial", 1))
    made.relay.die()
    assert made.wait(lambda: made.events, soon())
    with pytest.raises(EngineDied):
        made.wait(lambda: False, soon())


def test_a_closed_channel_says_that_it_was_closed(made):
    made.close()
    made.close()
    assert not made.is_open
    with pytest.raises(EngineDied, match=r"^the engine was stopped$"):
        made.request("sync")


def test_a_forked_child_has_no_channel(made):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # pragma: no cover - in the child
        try:
            made.request("sync")
        except EngineDied as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"the process was forked: links belong to the parent"
    assert made.request("sync") == 1.5


def sleeps_in_poll(thread_id):
    """Whether a thread is in the system call, and not on its way there: poll, or ppoll on x86-64 and arm64."""
    return Path(f"/proc/self/task/{thread_id}/syscall").read_text().split()[0] in ("7", "271", "73")


def test_a_closed_channel_wakes_whoever_waits(made, in_thread):
    waiting = []

    def is_done():
        waiting.append(threading.get_native_id())
        return False

    result = in_thread(lambda: made.wait(is_done, soon()))
    tick, deadline = threading.Event(), soon()
    while not (waiting and sleeps_in_poll(waiting[0])):
        assert time.monotonic() < deadline
        tick.wait(0.001)
    made.close()
    try:
        with pytest.raises(EngineDied, match=r"^the engine was stopped$"):
            result(timeout=10)
    finally:
        made.relay.die()  # wakes it for good
