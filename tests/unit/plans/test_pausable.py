from __future__ import annotations

import os
import threading

import pytest

from pytest_netchaos.plans.pausable import PausableThread


class Worker:
    """Counts how often its thread began, and how often it was ended."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.end = threading.Event()
        self.thread = PausableThread("netchaos-test", self.work, self.end.set)

    def work(self):
        self.begun.release()
        self.end.wait()
        self.end.clear()

    def has_begun(self):
        return self.begun.acquire(timeout=10)


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.thread.stop()


def alive():
    return [thread.name for thread in threading.enumerate() if thread.name == "netchaos-test"]


def test_it_is_started_once_and_ended_before_stop_returns(worker):
    assert not worker.thread.is_started
    worker.thread.start()
    worker.thread.start()
    assert worker.has_begun()
    assert alive() == ["netchaos-test"]
    assert worker.thread.is_started
    assert worker.thread.is_wanted
    assert worker.thread.stop()
    assert alive() == []
    assert not worker.thread.is_wanted
    assert not worker.thread.stop()


def test_it_can_be_started_again(worker):
    worker.thread.start()
    worker.thread.stop()
    worker.thread.start()
    assert worker.has_begun()
    assert worker.has_begun()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
def test_it_is_away_while_the_process_forks(worker):
    worker.thread.start()
    assert worker.has_begun()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if alive() == [] else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert worker.has_begun()
    assert alive() == ["netchaos-test"]


def test_its_own_thread_can_stop_it():
    stopped = []
    thread = PausableThread("netchaos-test", lambda: stopped.append(thread.stop()), lambda: None)
    thread.start()
    until = threading.Event()
    while not stopped:
        until.wait(0.001)
    assert stopped == [True]
