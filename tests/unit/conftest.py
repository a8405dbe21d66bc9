"""An engine without a network, for what stands on the Engine protocol."""

from __future__ import annotations

import threading
import time

import pytest

from pytest_netchaos.errors import EngineDied
from pytest_netchaos.faults import Flap
from pytest_netchaos.linklog import LinkLog


class FakeEngineLink:
    """Does nothing and says that it did. Tests write what "happens" into its log with `tell`."""

    def __init__(self, name="db", host="127.0.0.1", port=4000):
        self.log = LinkLog(name)
        self.host, self.port = host, port
        self.calls = []
        self.fails_with = {}  # what a call by this name raises
        self.cycles_at_once = 1
        self.is_silent = False
        self.waiting = threading.Event()
        self._news = threading.Condition(threading.RLock())
        self._faults = 0

    def _call(self, name, *arguments):
        self.calls.append((name, *arguments))
        if name in self.fails_with:
            raise self.fails_with[name]

    def tell(self, record, *arguments):
        with self._news:
            getattr(self.log, record)(*arguments)
            self._news.notify_all()

    def inject(self, fault, for_, when=None):
        self._call("inject", fault, for_, *([] if when is None else [when]))
        self._faults += 1
        self.log.injected(self._faults, fault)
        if when is not None:
            self.log.armed(time.monotonic(), self._faults, when)
            return self._faults
        if self.is_silent:
            return self._faults
        for cycle in range(1, self.cycles_at_once + 1):
            if cycle > 1:
                self.log.healed(time.monotonic(), self._faults)
            self.log.struck(time.monotonic(), self._faults, cycle, (1, 2))
        if fault.instant and not isinstance(fault, Flap):
            self.log.over(self._faults)
        return self._faults

    def heal(self, fault_id):
        self._call("heal", fault_id)
        if self.log.span(fault_id) is not None:
            self.tell("healed", time.monotonic(), fault_id)
        self.tell("over", fault_id, time.monotonic())

    def close(self):
        self._call("close")

    def history(self):
        self._call("history")
        return self.log.history(time.monotonic())

    def wait(self, enough, until, cancelled):
        with self._news:
            while not (is_enough := enough(self.log)) and not cancelled() and (left := until - time.monotonic()) > 0:
                self.waiting.set()
                self._news.wait(left)
            return is_enough

    def nudge(self):
        with self._news:
            self._news.notify_all()


class FakeEngine:
    name = "fake"

    def __init__(self):
        self.opened = []
        self.backgrounds = []
        self.links = []
        self.fails_with = None
        self.is_alive = True

    def open(self, name, upstream, host, port, seed, background=()):
        self.backgrounds.append(background)
        if self.fails_with is not None:
            raise self.fails_with
        self.opened.append((name, upstream, host, port, seed))
        self.links.append(FakeEngineLink(name, host, port or 4000 + len(self.links)))
        return self.links[-1]

    def check(self):
        if not self.is_alive:
            raise EngineDied("checked, and dead")

    def stop(self):
        self.is_alive = False


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def engine_link():
    return FakeEngineLink()


@pytest.fixture
def make_engine_link():
    return FakeEngineLink


@pytest.fixture
def in_thread():
    """Run calls in threads; ``(call)`` gives a function that returns or raises what the call did. Joins them all."""
    threads = []

    def start(call):
        outcome = []

        def run():
            try:
                outcome.append((call(), None))
            except BaseException as error:  # handed over to the test
                outcome.append((None, error))

        thread = threading.Thread(target=run, daemon=True)
        threads.append(thread)
        thread.start()

        def result(timeout=10.0):
            thread.join(timeout)
            assert outcome, f"the call has not ended within {timeout} s"
            value, error = outcome[0]
            if error is not None:
                raise error
            return value

        return result

    yield start
    for thread in threads:
        thread.join(10.0)
        assert not thread.is_alive(), "a thread is left behind"
