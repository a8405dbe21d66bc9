from __future__ import annotations

import errno
import os
import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay import stamps as module
from pytest_netchaos.relay.stamps import Reading, arrival, ask_for_stamps, find_stamp, keep_stamping, read_clocks

SOL_SOCKET = module._socket.SOL_SOCKET
MS = 1_000_000
SECOND = 1000 * MS
#: By how much the wall clock is ahead, and what it is set by at the most, in nanoseconds: a century.
CENTURY = 100 * 365 * 86_400 * SECOND
#: A monotonic time.
BEGIN = 7 * SECOND

#: Nothing was waiting at 7 s; a packet is read at 7.3 s, by a clock that is a century ahead.
EMPTY = Reading(BEGIN, CENTURY)
NOW = Reading(BEGIN + 300 * MS, CENTURY)


def test_a_packet_that_is_read_late_has_the_time_of_its_stamp():
    assert arrival(CENTURY + BEGIN + 20 * MS, EMPTY, NOW) == 7.02


def test_a_packet_without_a_stamp_has_the_time_of_its_reading():
    assert arrival(None, EMPTY, NOW) == 7.3


@pytest.mark.parametrize("step", [-3600 * SECOND, -200 * MS, -2 * MS, 2 * MS, 200 * MS, 3600 * SECOND])
@pytest.mark.parametrize("arrived", [0, 20 * MS, 150 * MS, 300 * MS])
def test_a_clock_that_was_set_in_between_makes_the_stamp_worthless(step, arrived):
    """Whether it was set before the packet came or after it: also where the stamp would be within bounds."""
    now = Reading(NOW.at, CENTURY + step)
    for stamp in (CENTURY + BEGIN + arrived, CENTURY + step + BEGIN + arrived):
        assert arrival(stamp, EMPTY, now) == 7.3


@pytest.mark.parametrize("at", [-CENTURY, BEGIN - 2 * MS, BEGIN + 302 * MS, CENTURY])
def test_a_stamp_that_can_not_be_is_not_believed(at):
    """The clock was set, and set back; or the stamp is by no clock of ours."""
    assert arrival(CENTURY + at, EMPTY, NOW) == 7.3


def test_a_stamp_that_is_off_by_a_reading_of_the_clocks_is_put_right():
    """It may have been queued after the stamp, behind the back of a reader who found nothing."""
    assert arrival(CENTURY + BEGIN - MS // 2, EMPTY, NOW) == 7.0
    assert arrival(CENTURY + NOW.at + MS // 2, EMPTY, NOW) == 7.3


times = st.integers(-CENTURY, CENTURY)


@given(st.integers(0, CENTURY), st.integers(0, 3600 * SECOND), times, times, st.one_of(st.none(), times))
def test_no_packet_came_before_nothing_was_there_or_after_it_was_read(begin, held_up, ahead, step, stamp):
    empty, now = Reading(begin, ahead), Reading(begin + held_up, ahead + step)
    assert begin / SECOND <= arrival(stamp, empty, now) <= now.at / SECOND


@given(st.integers(0, CENTURY), st.integers(0, 3600 * SECOND), times, st.data())
def test_with_a_clock_that_nobody_sets_each_packet_has_its_time(begin, held_up, ahead, data):
    at = data.draw(st.integers(begin, begin + held_up))
    empty, now = Reading(begin, ahead), Reading(begin + held_up, ahead)
    assert arrival(at + ahead, empty, now) == at / SECOND


def test_it_tells_the_time_of_the_log():
    before = time.monotonic()
    reading = read_clocks()
    assert before <= arrival(None, reading, reading) <= time.monotonic()


def test_clocks_that_were_read_with_something_in_between_are_read_again(monkeypatch):
    looks = iter([0, 5 * MS, 6 * MS, 6 * MS + 2000])
    walls = iter([CENTURY + 5 * MS, CENTURY + 6 * MS + 1000])
    monkeypatch.setattr(module, "monotonic_ns", lambda: next(looks))
    monkeypatch.setattr(module, "time_ns", lambda: next(walls))
    reading = read_clocks()
    assert (reading.at, reading.ahead) == (6 * MS + 2000, CENTURY)


def test_clocks_that_can_never_be_read_close_together_are_read_all_the_same(monkeypatch):
    looks = iter(range(0, CENTURY, 8 * MS))
    monkeypatch.setattr(module, "monotonic_ns", lambda: next(looks))
    assert read_clocks().at == 40 * MS


def test_a_stamp_is_found_beside_others():
    stamp = (SOL_SOCKET, 35, struct.pack("ll", 1_700_000_000, 5))
    assert find_stamp([(41, 50, bytes(20)), stamp]) == 1_700_000_000 * SECOND + 5


@pytest.mark.parametrize(
    "extra", [[], [(SOL_SOCKET, 35, b"cut")], [(SOL_SOCKET, 29, bytes(module.SIZE))], [(0, 35, bytes(module.SIZE))]]
)
def test_what_is_no_stamp_is_none(extra):
    assert find_stamp(extra) is None


def test_a_socket_that_gives_no_stamps_is_a_socket_still():
    class Refusing:
        def setsockopt(self, *_):
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    ask_for_stamps(Refusing())


@pytest.fixture
def kept(monkeypatch):
    """Begin without a descriptor that is kept; close what the test makes."""
    monkeypatch.setattr(module, "_kept", None)
    yield
    if module._kept is not None:
        os.close(module._kept)


@pytest.mark.usefixtures("kept")
def test_one_socket_keeps_the_stamps_coming():
    keep_stamping()
    first = module._kept
    keep_stamping()
    assert module._kept == first
    with socket.socket(fileno=os.dup(first)) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, module._SO_TIMESTAMPNS) == 1


@pytest.mark.usefixtures("kept")
def test_without_a_descriptor_for_it_the_next_one_tries_again(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(module._socket, "socket", refuse)
        keep_stamping()
    assert module._kept is None
    keep_stamping()
    assert module._kept is not None
