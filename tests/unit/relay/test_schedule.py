from __future__ import annotations

from time import monotonic
from types import SimpleNamespace

import pytest

from pytest_netchaos.relay.fault import Fault
from pytest_netchaos.relay.rhythm import FOREVER, flap, once
from pytest_netchaos.relay.schedule import Schedule


class Proxy:
    id = 5

    def __init__(self, events):
        self.events = events
        self.fails_with = None
        self.refuses_with = None
        self.armed = {}

    def arm(self, fault, trigger, fire):
        self.armed[fault.id] = trigger
        self.fire = fire

    def disarm(self, fault):
        del self.armed[fault.id]

    def start(self, fault):
        if self.refuses_with is not None:
            raise self.refuses_with
        fault.on = fault.kind not in ("reset", "close")
        fault.cycle += 1
        self.events.append("start")

    def end(self, fault):
        fault.on = False
        if self.fails_with is not None:
            raise self.fails_with
        self.events.append("end")


@pytest.fixture
def make(fake_loop):
    def build(windows, kind="cut"):
        events = []
        proxy = Proxy(events)
        fault = Fault(1, kind, windows)
        schedule = Schedule(
            fake_loop,
            lambda kind, _at, _link, *rest: events.append((kind, *rest)),
            proxy,
            fault,
            lambda: events.append("-"),
        )
        return SimpleNamespace(schedule=schedule, events=events, proxy=proxy, fault=fault, timers=fake_loop.timers)

    return build


def test_a_fault_without_an_end_lasts_until_it_is_cancelled(make):
    made = make(once())
    made.schedule.begin()
    assert made.events == ["start"]
    assert made.timers == []
    made.schedule.cancel()
    assert made.events == ["start", "end", ("off", 1, 1), ("over", 1), "-"]


def test_a_fault_with_an_end_ends_by_itself(make):
    made = make(once(0.5))
    before = monotonic()
    made.schedule.begin()
    (timer,) = made.timers
    assert before + 0.5 <= timer.when <= monotonic() + 0.5
    timer.call()
    assert made.events == ["start", "end", ("off", 1, 1), ("over", 1), "-"]


def test_the_windows_of_a_flap_are_counted_from_its_beginning(make):
    made = make(flap(1, (10, 10), (20, 20), 2))
    made.schedule.begin()
    began = made.timers[0].when - 10
    for _ in range(3):
        made.timers[-1].call()
    assert [timer.when - began for timer in made.timers] == pytest.approx([10, 30, 40])
    assert made.events == ["start", "end", ("off", 1, 1), "start", "end", ("off", 1, 2), ("over", 1), "-"]


def test_a_flap_that_is_cancelled_between_two_windows_is_over(make):
    made = make(flap(1, (10, 10), (20, 20), None))
    made.schedule.begin()
    made.timers[-1].call()
    made.schedule.cancel()
    assert made.events == ["start", "end", ("off", 1, 1), ("over", 1), "-"]
    assert made.timers[-1].call is None


def test_an_instant_fault_is_over_at_once(make):
    made = make(once(), "reset")
    made.schedule.begin()
    assert made.events == ["start", ("over", 1), "-"]


def test_an_instant_fault_can_flap(make):
    made = make(flap(1, (1, 1), (1, 1), 2), "reset")
    made.schedule.begin()
    for _ in range(3):
        made.timers[-1].call()
    assert made.events == ["start", "start", ("over", 1), "-"]


def test_a_fault_without_windows_is_over(make):
    made = make(iter(()))
    made.schedule.begin()
    assert made.events == [("over", 1), "-"]
    assert make(iter([(FOREVER, FOREVER)])).events == []


def test_a_port_that_cannot_be_opened_again_is_told_and_the_flap_goes_on(make):
    made = make(flap(1, (10, 10), (20, 20), 2))
    made.schedule.begin()
    made.proxy.fails_with = OSError("taken")
    made.timers[-1].call()
    assert made.events[1:] == [("trouble", "the port can't be opened again: taken")]
    made.proxy.fails_with = None
    made.timers[-1].call()
    made.timers[-1].call()
    assert made.events[2:] == ["start", "end", ("off", 1, 2), ("over", 1), "-"]


def test_who_cancels_is_told_that_the_port_cannot_be_opened_again(make):
    made = make(once())
    made.schedule.begin()
    made.proxy.fails_with = OSError("taken")
    with pytest.raises(OSError, match=r"^taken$"):
        made.schedule.cancel()
    assert made.events == ["start", ("over", 1), "-"]


def test_a_window_that_cannot_be_entered_is_told_and_the_flap_goes_on(make):
    made = make(flap(1, (10, 10), (20, 20), 3))
    made.schedule.begin()
    made.timers[-1].call()
    made.proxy.refuses_with = OSError("no descriptor")
    made.timers[-1].call()
    assert made.events[3:] == [("trouble", "cut can't be put in force: no descriptor")]
    made.proxy.refuses_with = None
    made.timers[-1].call()
    made.timers[-1].call()
    assert made.events[4:] == ["start", "end", ("off", 1, 2), ("over", 1), "-"]


def test_who_begins_a_fault_is_told_that_it_cannot_be_put_in_force(make):
    made = make(once())
    made.proxy.refuses_with = OSError("no descriptor")
    with pytest.raises(OSError, match=r"^no descriptor$"):
        made.schedule.begin()


def test_a_fault_that_waits_enters_its_first_window_when_its_trigger_comes(make):
    made = make(flap(1, (10, 10), (20, 20), 2))
    made.schedule.arm("a trigger")
    assert made.proxy.armed == {1: "a trigger"}
    assert (made.events, made.timers) == ([], [])
    before = monotonic()
    made.proxy.fire()
    assert made.events == ["start"]
    assert before + 10 <= made.timers[0].when <= monotonic() + 10
    made.timers[0].call()
    assert made.events == ["start", "end", ("off", 1, 1)]
    made.schedule.cancel()
    assert made.proxy.armed == {1: "a trigger"}, "it fired, and is to be disarmed no more"


def test_a_fault_that_is_cancelled_while_it_waits_is_disarmed_and_over(make):
    made = make(once())
    made.schedule.arm("a trigger")
    made.schedule.cancel()
    assert made.proxy.armed == {}
    assert made.events == [("over", 1), "-"]


def test_a_fault_that_cannot_be_put_in_force_when_its_trigger_comes_says_so(make):
    made = make(once())
    made.schedule.arm("a trigger")
    made.proxy.refuses_with = OSError("no room")
    made.proxy.fire()
    assert made.events == [("trouble", "cut can't be put in force: no room"), ("over", 1), "-"]
