from __future__ import annotations

import os
import random
from time import monotonic

import pytest

from pytest_netchaos.relay.loop import IN, OUT, RDHUP

#: `PortableLoop` has tests of its own for what it does instead.
with_edges = pytest.mark.parametrize("loop", ["epoll"], indirect=True)


@with_edges
def test_news_of_a_closed_descriptor_does_not_reach_the_next_one_with_its_number(loop, spin, sockets):
    pairs, masks = [sockets.pair() for _ in range(2)], []

    def replace_the_other(n):
        other = pairs[1 - n][0]
        if masks:
            return
        number = other.fileno()
        loop.forget(number)
        other.close()
        fresh, peer = sockets.pair()
        assert number in (fresh.fileno(), peer.fileno())
        fresh = fresh if fresh.fileno() == number else peer
        fresh.setblocking(False)
        masks.append("replaced")
        loop.watch(number, masks.append)

    for n, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.watch(ours.fileno(), lambda _, n=n: replace_the_other(n))
    spin(lambda: len(masks) > 1)
    assert masks == ["replaced", OUT], "what was to read belonged to the one before"


def test_a_timer_is_never_early(loop, spin):
    late = []
    for n in range(40):
        when = monotonic() + n * 0.0007
        loop.call_at(when, lambda when=when: late.append(monotonic() - when))
    spin(lambda: len(late) == 40)
    assert min(late) >= 0


def test_timers_are_called_in_the_order_of_their_times_and_equal_ones_in_that_of_the_requests(loop, spin):
    called, now = [], monotonic()
    numbers = list(range(50))
    random.Random(3).shuffle(numbers)
    for n in numbers:
        loop.call_at(now + n // 10 * 0.001, lambda n=n: called.append(n))
    spin(lambda: len(called) == 50)
    assert called == sorted(numbers, key=lambda n: (n // 10, numbers.index(n)))


def test_a_timer_in_the_past_is_called_at_once(loop, spin):
    called = []
    loop.call_at(0.0, lambda: called.append(1))
    spin(lambda: called)


def test_a_cancelled_timer_is_not_called(loop, spin):
    called = []
    timers = [loop.call_at(monotonic() + 0.001 * n, lambda n=n: called.append(n)) for n in range(4)]
    timers[0].cancel()
    timers[2].cancel()
    spin(lambda: 3 in called)
    assert called == [1, 3]
    timers[3].cancel()
    assert timers[3].call is None


def test_a_timer_may_cancel_another_one_that_is_due(loop, spin):
    called, timers = [], []

    def cancel_the_next():
        timers[1].cancel()

    timers += [loop.call_at(0.0, call) for call in (cancel_the_next, lambda: called.append("cancelled"))]
    loop.call_at(0.0, lambda: called.append("last"))
    spin(lambda: "last" in called)
    assert called == ["last"]


def test_work_to_go_on_with_shares_the_loop_with_timers_and_events(loop, spin, sockets):
    ours, theirs = sockets.pair()
    seen = []

    def work():
        seen.append("work")
        loop.soon(work)

    loop.watch(ours.fileno(), lambda mask: seen.append("event") if mask & IN else None)
    loop.soon(work)
    loop.call_at(monotonic() + 0.01, lambda: theirs.send(b"x"))
    spin(lambda: "event" in seen)
    assert seen.count("work") > 1


@with_edges
def test_a_descriptor_is_reported_once_for_each_change(loop, spin, sockets):
    ours, theirs = sockets.pair()
    masks = []
    loop.watch(ours.fileno(), masks.append)
    spin(lambda: masks)
    assert masks == [OUT]
    theirs.send(b"x")
    spin(lambda: len(masks) > 1)
    assert masks[1] & IN
    rounds = []
    spin(lambda: rounds.append(1) or len(rounds) > 5)
    assert len(masks) == 2, "nothing new, although nobody has read"
    theirs.close()
    spin(lambda: len(masks) > 2)
    assert masks[2] & RDHUP


def test_a_forgotten_descriptor_is_not_reported(loop, spin, sockets):
    (one, one_peer), (other, other_peer) = sockets.pair(), sockets.pair()
    seen = []
    loop.watch(one.fileno(), lambda _: seen.append("one"))
    loop.watch(other.fileno(), lambda _: seen.append("other"))
    loop.forget(one.fileno())
    loop.forget(one.fileno())
    one_peer.send(b"x")
    other_peer.send(b"x")
    spin(lambda: "other" in seen)
    assert "one" not in seen


def test_a_descriptor_that_was_dropped_and_closed_can_be_another_ones(loop, spin, sockets):
    (one, one_peer), (other, other_peer) = sockets.pair(), sockets.pair()
    seen = []
    loop.watch(one.fileno(), lambda _: seen.append("one"))
    one_peer.send(b"x")
    number = one.fileno()
    loop.drop(number)
    loop.drop(number)
    one.close()
    os.dup2(other.fileno(), number)
    try:
        loop.watch(number, lambda _: seen.append("other"))
        other_peer.send(b"x")
        spin(lambda: "other" in seen)
        assert "one" not in seen
        loop.forget(number)
    finally:
        os.close(number)


def test_a_handler_may_forget_a_descriptor_that_waits_in_the_same_round(loop, spin, sockets):
    pairs = [sockets.pair() for _ in range(2)]
    seen = []

    def handler(number):
        def handle(mask):
            seen.append(number)
            loop.forget(pairs[1 - number][0].fileno())

        return handle

    for number, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.watch(ours.fileno(), handler(number))
    rounds = []
    spin(lambda: rounds.append(1) or len(rounds) > 3)
    assert len(set(seen)) == 1


def test_each_round_ends_with_the_call_that_was_asked_for(loop):
    order = []
    loop.call_at(0.0, lambda: order.append("timer"))
    loop.soon(lambda: order.append("work"))

    def after():
        order.append("after")
        loop.stop()

    loop.run(after)
    assert order == ["timer", "work", "after"]


def test_timers_that_are_always_due_leave_sockets_their_turn(loop, sockets):
    ours, theirs = sockets.pair()
    timers, served_after = [], []
    loop.watch(ours.fileno(), lambda mask: served_after.append(len(timers)) if mask & IN else None)

    def again():
        if not timers:
            theirs.send(b"x")
        timers.append(1)
        if served_after or len(timers) == 1000:
            loop.stop()
        else:
            loop.call_at(0.0, again)

    loop.call_at(0.0, again)
    loop.run(lambda: None)
    assert served_after
    assert served_after[0] < 10


def test_long_work_has_one_turn_each_round(loop):
    order = []

    def after():
        order.append("round")
        if order.count("round") == 3:
            loop.stop()

    for n in range(3):
        loop.later(lambda n=n: order.append(n))
    loop.soon(lambda: order.append("soon"))
    loop.run(after)
    assert order == ["soon", 0, "round", 1, "round", 2, "round"]


@pytest.mark.parametrize("when", [1e10, 1e300, float("inf")])
def test_a_timer_of_the_far_future_is_waited_for(loop, sockets, when):
    ours, theirs = sockets.pair()
    loop.watch(ours.fileno(), lambda mask: loop.stop() if mask & IN else None)
    loop.call_at(when, lambda: None)
    loop.soon(lambda: loop.soon(lambda: theirs.send(b"x")))
    loop.run(lambda: None)
