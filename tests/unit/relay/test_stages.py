from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.chance import draw
from pytest_netchaos.relay.stages import (
    CAPACITY,
    CLOSE,
    DELAY_CAPACITY,
    FIN,
    MOST_LATE,
    RST,
    Delay,
    Throttle,
    is_end,
)

RATES = [1, 3, 10, 999, 1000, 1500, 64_000, 1e6, 12_345_678, 1e8, 1e9]


def drawn(*keys):
    return partial(draw, 7, *keys)


def everything(stage, now):
    items = []
    while (item := stage.pop(now)) is not None:
        items.append(item)
    return items


def run(stage):
    """Pop everything as it falls due: (time of the pop, time given, chunk)."""
    items = []
    while (due := stage.due()) is not None:
        found = everything(stage, due)
        assert found, "what is due must come"
        items += [(due, *item) for item in found]
    return items


def joined(items):
    return b"".join(item[-1] for item in items)


# Delay.


def test_a_delay_lets_a_chunk_go_at_its_time_and_not_before():
    stage = Delay(0.5, 0, drawn())
    assert stage.due() is None
    stage.push(10.0, b"abc")
    assert (stage.due(), stage.size) == (10.5, 3)
    assert stage.pop(10.499999) is None
    assert stage.pop(10.5) == (10.5, b"abc")
    assert (stage.pop(99), stage.due(), stage.size) == (None, None, 0)


def test_a_late_wake_up_does_not_count_as_the_time_of_departure():
    stage = Delay(0.5, 0, drawn())
    stage.push(10.0, b"abc")
    assert stage.pop(20.0) == (10.5, b"abc")


def test_a_delay_without_jitter_draws_nothing():
    stage = Delay(0.5, 0, lambda _: pytest.fail("drawn"))
    stage.push(1.0, b"x")
    assert stage.due() == 1.5


@pytest.mark.parametrize(("share", "due"), [(0.0, 10.1), (0.5, 10.5), (1.0, 10.9)])
def test_the_jitter_is_spread_evenly_around_the_latency(share, due):
    stage = Delay(0.5, 0.4, lambda _: share)
    stage.push(10.0, b"x")
    assert stage.due() == pytest.approx(due)


def test_each_chunk_is_a_step_of_its_own():
    steps = []
    stage = Delay(0.5, 0.1, lambda step: steps.append(step) or 0.5)
    for at in range(4):
        stage.push(float(at), b"x")
    assert steps == [0, 1, 2, 3]


def test_a_short_delay_never_overtakes_a_long_one():
    shares = [1.0, 0.0, 0.5]
    stage = Delay(0.5, 0.5, lambda step: shares[step])
    for n, chunk in enumerate((b"a", b"b", b"c")):
        stage.push(10 + n / 10, chunk)
    assert stage.pop(10.99) is None
    assert everything(stage, 11.0) == [(11.0, b"a"), (11.0, b"b"), (11.0, b"c")]


def test_the_interleaving_of_connections_changes_no_decision():
    def departures(order):
        stages = {key: Delay(0.5, 0.5, drawn(key)) for key in "ab" for key in [ord(key)]}
        for key in order:
            stages[ord(key)].push(100.0 * sum(1 for _ in stages[ord(key)]._queue), b"x")
        return {key: [due for due, _ in stage._queue] for key, stage in stages.items()}

    assert departures("aabbab") == departures("bbbaaa") == departures("ababab")
    assert departures("aaabbb")[ord("a")] != departures("aaabbb")[ord("b")]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 5), st.binary(min_size=1, max_size=9))), st.floats(0, 2), st.floats(0, 1))
def test_a_delay_keeps_order_and_bounds(arrivals, latency, share):
    stage = Delay(latency, latency * share, drawn(1))
    at, pushed = 0.0, []
    for pause, chunk in arrivals:
        at += pause
        pushed.append((at, chunk))
        stage.push(at, chunk)
    assert stage.size == sum(len(chunk) for _, chunk in pushed)
    items = run(stage)
    assert [chunk for _, _, chunk in items] == [chunk for _, chunk in pushed]
    latest = 0.0
    for (popped, given_, _), (arrived, _) in zip(items, pushed, strict=True):
        assert arrived <= given_ <= popped
        assert given_ >= arrived + latency * (1 - share) - 1e-9
        latest = max(latest, arrived + latency * (1 + share))
        assert given_ <= latest + 1e-9
    assert stage.size == 0


# Throttle.


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_exact(rate):
    size = max(3, min(int(rate * 2), 300_000))
    stage = Throttle(rate)
    stage.push(100.0, bytes(size))
    sent = 0
    for popped, given_, chunk in run(stage):
        assert given_ <= popped
        sent += len(chunk)
        assert given_ == pytest.approx(100 + sent / rate, rel=1e-9)
        assert sent <= rate * (popped - 100) * (1 + 1e-6) + 1
    assert sent == size


@pytest.mark.parametrize("rate", RATES)
def test_a_step_is_a_millisecond_or_a_byte_and_fits_a_buffer(rate):
    stage = Throttle(rate)
    stage.push(0.0, bytes(CAPACITY))
    step = stage.due()
    _, chunk = stage.pop(step)
    assert len(chunk) == max(1, min(CAPACITY, int(rate / 1000)))
    assert step == pytest.approx(len(chunk) / rate)


def test_one_wake_up_lets_a_step_of_many_chunks_pass():
    stage = Throttle(1e9)
    for _ in range(32):
        stage.push(100.0, bytes(CAPACITY))
    assert stage.due() == pytest.approx(100.001)
    assert 900_000 < len(joined(everything(stage, stage.due()))) <= 1_000_000


def test_what_is_less_than_a_step_need_not_wait_for_one():
    stage = Throttle(1e6)
    stage.push(100.0, bytes(100))
    assert stage.due() == pytest.approx(100.0001)
    assert stage.pop(stage.due())[1] == bytes(100)


def test_chunks_can_be_converted_where_they_wait():
    stage = Throttle(10)
    stage.push(100.0, b"ab")
    stage.push(100.0, b"c")
    stage.convert(bytes.upper)
    assert stage.size == 3
    assert b"".join(chunk for _, _, chunk in run(stage)) == b"ABC"


def test_nothing_passes_before_its_time():
    stage = Throttle(10)
    stage.push(100.0, b"ab")
    assert stage.due() == pytest.approx(100.1)
    assert stage.pop(100.099) is None
    assert stage.pop(100.1000001)[1] == b"a"
    assert stage.pop(100.19) is None


def test_an_idle_time_earns_no_credit():
    stage = Throttle(10)
    stage.push(0.0, b"a")
    assert joined(everything(stage, 50.0)) == b"a"
    stage.push(100.0, b"bcd")
    assert everything(stage, 100.05) == []
    assert [chunk for _, chunk in everything(stage, 100.21)] == [b"bc"]


@pytest.mark.parametrize(("rate", "late", "passed"), [(1000, 0.05, 50), (1000, 0.0505, 50), (1e6, 0.02, 20_000)])
def test_a_late_wake_up_catches_up(rate, late, passed):
    stage = Throttle(rate)
    stage.push(100.0, bytes(passed * 2))
    sent = len(joined(everything(stage, 100.0 + late)))
    assert passed - 1 <= sent <= passed


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("held_up", [0.2, 5.0, 3600.0])
def test_being_held_up_for_long_earns_a_moment_at_most(rate, held_up):
    stage = Throttle(rate)
    size = min(stage.capacity, int(rate * 2) + 3)
    stage.push(100.0, bytes(size))
    step = stage.due() - 100.0
    now = stage.due() + held_up
    at_once = len(joined(everything(stage, now)))
    assert 1 <= at_once <= rate * (MOST_LATE + step) * (1 + 1e-6) + 1
    left = stage.size
    for due, given_, chunk in run(stage):
        left -= len(chunk)
        assert due - now == pytest.approx((size - at_once - left) / rate, abs=step + 1e-6)
        assert now <= given_ <= due


def test_a_late_wake_up_catches_up_over_many_chunks():
    stage = Throttle(1000)
    for n in range(100):
        stage.push(100.0, bytes([n]))
    assert joined(everything(stage, 100.0505)) == bytes(range(50))


@pytest.mark.parametrize("end", [FIN, RST], ids=["FIN", "RST"])
@pytest.mark.parametrize("make", [lambda: Delay(0.5, 0, drawn()), lambda: Throttle(10)], ids=["delay", "throttle"])
def test_an_end_keeps_its_place_and_its_identity(make, end):
    stage = make()
    stage.push(1.0, b"RST")
    stage.push(1.0, end)
    items = run(stage)
    assert items[-1][-1] is end
    assert all(chunk is not FIN and chunk is not RST for _, _, chunk in items[:-1])
    assert joined(items[:-1]) == b"RST"
    assert items[-1][1] >= items[-2][1]


def test_an_end_costs_a_throttle_no_time():
    stage = Throttle(1)
    stage.push(5.0, RST)
    assert stage.due() == 5.0
    assert stage.pop(5.0) == (5.0, RST)
    assert stage.size == 0


chunks = st.lists(st.tuples(st.floats(0, 3), st.binary(min_size=1, max_size=400)), max_size=12)


@settings(max_examples=50)
@given(chunks, st.floats(0.5, 1e6), st.lists(st.floats(0, 5), min_size=1, max_size=20))
def test_a_throttle_loses_nothing_and_is_never_too_fast(arrivals, rate, wakes):
    stage = Throttle(rate)
    at, pushed = 0.0, b""
    for pause, chunk in arrivals:
        at += pause
        stage.push(at, chunk)
        pushed += chunk
    start = arrivals[0][0] if arrivals else 0.0
    now, got = start, b""
    for pause in wakes:
        now += pause
        got += joined(everything(stage, now))
        assert len(got) <= (now - start) * rate * (1 + 1e-6) + 1
        assert stage.size == len(pushed) - len(got)
    assert got + joined(run(stage)) == pushed


@pytest.mark.parametrize("make", [lambda: Delay(0.5, 0, drawn()), lambda: Throttle(1000)], ids=["delay", "throttle"])
def test_what_is_drained_is_everything_in_order(make):
    stage = make()
    for n in range(5):
        stage.push(1.0, bytes([n]) * 10)
    first = joined(everything(stage, stage.due()))
    assert first + b"".join(stage.drain()) == b"".join(bytes([n]) * 10 for n in range(5))
    assert (stage.size, stage.due(), stage.drain()) == (0, None, [])


def test_the_capacities():
    assert Delay(1, 0, drawn()).capacity == DELAY_CAPACITY == 64 << 20
    assert Throttle(1).capacity == CAPACITY == 64 << 10
    assert Throttle(1e9).capacity == 10_000_000, "10 ms' worth"


# Changes.


def test_a_changed_latency_counts_for_what_is_under_way_from_its_arrival():
    stage = Delay(100, 0, drawn())
    stage.push(10.0, b"abc")
    stage.push(10.5, b"de")
    stage.change(11.0, 2.0, 0.0)
    assert everything(stage, 11.9) == []
    assert everything(stage, 12.5) == [(12.0, b"abc"), (12.5, b"de")]
    stage.push(20.0, b"f")
    assert stage.due() == 22.0


def test_a_changed_jitter_keeps_what_was_drawn_and_the_order():
    shares = [1.0, 0.0]
    stage = Delay(10, 1, lambda step: shares[step])
    stage.push(0.0, b"a")
    stage.push(0.0, b"b")
    stage.change(1.0, 10.0, 5.0)
    assert everything(stage, 99) == [(15.0, b"a"), (15.0, b"b")]


def test_a_jitter_larger_than_the_latency_makes_some_chunks_go_at_once_and_none_early():
    stage = Delay(1, 5, lambda _: 0.0)
    stage.push(10.0, b"a")
    assert stage.due() == 10.0


@pytest.mark.parametrize(("delays_ends", "due"), [(True, 12.0), (False, 10.0)])
def test_an_end_alone_is_late_or_not_as_asked(delays_ends, due):
    stage = Delay(2, 0, drawn(), delays_ends=delays_ends)
    stage.push(10.0, FIN)
    assert stage.due() == due


def test_an_end_that_is_not_delayed_still_waits_for_the_bytes_before_it():
    stage = Delay(2, 0, drawn(), delays_ends=False)
    stage.push(10.0, b"abc")
    stage.push(10.5, FIN)
    assert everything(stage, 12.0) == [(12.0, b"abc"), (12.0, FIN)]


def test_a_rate_of_nothing_holds_until_it_changes_and_what_was_held_earns_no_credit():
    stage = Throttle(0)
    stage.push(10.0, b"x" * 3000)
    assert (stage.due(), stage.pop(1e6)) == (None, None)
    stage.change(20.0, 1000.0)
    assert run(stage)[-1][0] == pytest.approx(23.0)


def test_an_end_with_nothing_before_it_passes_a_rate_of_nothing():
    stage = Throttle(0)
    stage.push(10.0, FIN)
    assert stage.pop(10.0) == (10.0, FIN)


@pytest.mark.parametrize("end", [FIN, RST, CLOSE])
def test_the_ends_are_told_apart_and_are_no_bytes(end):
    assert is_end(end)
    assert len(end) == 0
    assert not is_end(b"")
    assert [end is other for other in (FIN, RST, CLOSE)].count(True) == 1
