from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.chain import MOST_MOVES, Chain
from pytest_netchaos.relay.chance import draw
from pytest_netchaos.relay.stages import CAPACITY, FIN, MOST_AHEAD, MOST_CHUNKS, RST, Delay, Throttle
from pytest_netchaos.relay.toxics import Limit, Slicer


def delay(latency, jitter=0.0):
    return lambda: Delay(latency, jitter, lambda step: draw(7, step))


def throttle(rate):
    return lambda: Throttle(rate)


def chain_of(*makers):
    chain = Chain()
    assert chain.adopt(dict(enumerate(makers)), 0.0) == []
    return chain


def everything(chain, now):
    chunks = []
    while (chunk := chain.pop(now)) is not None:
        chunks.append(chunk)
    return chunks


def run(chain):
    """Pop everything as it falls due: (time, chunk)."""
    items = []
    while (due := chain.due()) is not None:
        items += [(due, chunk) for chunk in everything(chain, due)]
    return items


def size(chain):
    """Bytes under way."""
    return sum(stage.size for _, stage in chain._stages)


def test_a_chain_without_stages_is_none():
    assert not Chain()
    assert size(Chain()) == 0
    assert Chain().drain() == []
    assert chain_of(delay(1))


@pytest.mark.parametrize(
    ("makers", "due"),
    [
        ([delay(0.5)], 10.5),
        ([delay(0.5), delay(0.25)], 10.75),
        ([delay(0.5), throttle(10)], 10.8),
        ([throttle(10), delay(0.5)], 10.8),
        ([throttle(10), throttle(5)], 10.6 + 0.1),  # the slower one, after the first byte's time in the faster one
    ],
)
def test_the_times_of_stages_add_up(makers, due):
    chain = chain_of(*makers)
    chain.push(10.0, b"abc")
    items = run(chain)
    assert b"".join(chunk for _, chunk in items) == b"abc"
    assert items[-1][0] == pytest.approx(due)


def test_a_late_wake_up_in_one_stage_makes_the_next_one_no_later():
    chain = chain_of(delay(0.5), delay(0.25))
    chain.push(10.0, b"abc")
    assert chain.pop(10.74) is None  # woken 0.24 s after it came through the first stage
    assert chain.due() == 10.75
    assert chain.pop(10.75) == b"abc"


def test_a_chain_holds_what_its_stages_hold():
    chain = chain_of(delay(0.5), throttle(10))
    chain.push(10.0, b"abc")
    chain.push(10.1, b"defg")
    assert size(chain) == 7
    chain.pop(10.5)
    assert size(chain) == 7
    assert chain.pop(10.6000001) == b"a"
    assert size(chain) == 6


def test_there_is_room_until_the_first_stage_is_full():
    chain = chain_of(throttle(1e6), delay(1))
    assert chain.has_room
    chain.push(0.0, bytes(CAPACITY - 1))
    assert chain.has_room
    chain.push(0.0, b"x")
    assert not chain.has_room
    chain.pop(0.01)
    assert chain.has_room


def test_a_full_stage_holds_the_one_before_it_back_and_wakes_it_when_it_empties():
    chain = chain_of(delay(0.1), throttle(1e6))
    for _ in range(4):
        chain.push(0.0, bytes(CAPACITY))
    assert chain.pop(0.1) is None
    assert chain._stages[1][1].size == CAPACITY
    assert chain.due() == pytest.approx(0.101)
    assert sum(len(chunk) for _, chunk in run(chain)) == 4 * CAPACITY


def test_everything_that_is_drained_comes_in_order():
    chain = chain_of(delay(0.5), throttle(10), delay(100))
    for at, chunk in [(0.0, b"abc"), (0.1, b"def"), (9.9, b"ghi"), (9.9, FIN)]:
        chain.push(at, chunk)
    chain.pop(0.71)  # b"ab" is in the last stage, b"c" and b"def" in the middle, the rest in the first one
    assert [stage.size for _, stage in chain._stages] == [3, 4, 2]
    drained = chain.drain()
    assert b"".join(drained) == b"abcdefghi"
    assert drained[-1] is FIN
    assert (size(chain), chain.due()) == (0, None)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_stages_that_stay_keep_what_they_hold_and_new_ones_come_where_they_belong(order):
    chain = chain_of(delay(0.5))
    chain.push(10.0, b"abc")
    wanted = {0: lambda: pytest.fail("made again"), 1: delay(0.25)}
    assert chain.adopt({key: wanted[key] for key in order}, 10.1) == []
    assert [key for key, _ in chain._stages] == list(order)
    assert run(chain) == [(10.75 if order == (0, 1) else 10.5, b"abc")]


def test_what_a_stage_held_goes_on_to_the_next_one_when_it_is_taken_away():
    chain = chain_of(delay(100), delay(0.5))
    chain.push(10.0, b"abc")
    assert chain.adopt({1: delay(0.5)}, 10.25) == []
    assert run(chain) == [(10.75, b"abc")]


def test_what_the_last_stage_held_comes_out_when_it_is_taken_away():
    chain = chain_of(delay(1), delay(100))
    chain.push(10.0, b"abc")
    chain.push(10.5, b"def")
    chain.pop(11.0)
    assert chain.adopt({0: delay(1)}, 11.0) == [b"abc"]
    assert run(chain) == [(11.5, b"def")]


def test_a_chain_can_lose_all_its_stages():
    chain = chain_of(delay(1), throttle(10), delay(100))
    for at, chunk in [(10.0, b"abc"), (10.5, b"def"), (10.9, RST)]:
        chain.push(at, chunk)
    chain.pop(11.2)
    out = chain.adopt({}, 11.2)
    assert b"".join(out[:-1]) == b"abcdef"
    assert out[-1] is RST
    assert not chain


stages = st.one_of(
    st.tuples(st.floats(0, 2), st.floats(0, 1)).map(lambda pair: delay(pair[0], pair[0] * pair[1])),
    st.floats(0.5, 1e5).map(throttle),
)


def in_order(wanted):
    """Faults stand in the order in which they came: two that stay never change places."""
    return dict(sorted(wanted.items()))


steps = st.one_of(
    st.tuples(st.just("push"), st.binary(min_size=1, max_size=200)),
    st.tuples(st.just("adopt"), st.dictionaries(st.integers(0, 4), stages, max_size=3).map(in_order)),
    st.tuples(st.just("pop"), st.none()),
)


@settings(max_examples=50)
@given(
    st.dictionaries(st.integers(0, 4), stages, min_size=1, max_size=3).map(in_order),
    st.lists(st.tuples(st.floats(0, 1), steps)),
)
def test_whatever_happens_every_byte_comes_out_once_and_in_order(first, script):
    chain = Chain()
    chain.adopt(in_order(first), 0.0)
    now, sent, got = 0.0, b"", b""
    for pause, (step, what) in script:
        now += pause
        if step == "push":
            sent += what
            if chain:
                chain.push(now, what)
            else:
                got += what
        elif step == "adopt":
            got += b"".join(chain.adopt(what, now))
        elif chain:
            got += b"".join(everything(chain, now))
        assert got == sent[: len(got)]
        assert (size(chain) if chain else 0) == len(sent) - len(got)
    if chain:
        got += b"".join(chunk for _, chunk in run(chain))
    assert got == sent


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=50)), min_size=1, max_size=10), st.data())
def test_nothing_comes_before_the_sum_of_all_delays(arrivals, data):
    latencies = data.draw(st.lists(st.floats(0, 1), min_size=1, max_size=3))
    chain = chain_of(*map(delay, latencies))
    now, times = 0.0, []
    for pause, chunk in arrivals:
        now += pause
        times.append(now)
        chain.push(now, chunk)
    items = run(chain)
    for (came, _), arrived in zip(items, times, strict=True):
        assert came == pytest.approx(arrived + sum(latencies), abs=1e-9)


def test_a_stage_is_the_sole_one_of_its_kind_or_it_is_not():
    stage = throttle(1)()
    assert chain_of(lambda: stage).sole(Throttle) is stage
    assert chain_of(lambda: stage).sole(Delay) is None
    assert chain_of(throttle(1), delay(1)).sole(Throttle) is None
    assert Chain().sole(Throttle) is None


def slicer(size):
    return lambda: Slicer(size, 0, 0.0, lambda *_: 0.0)


def test_one_step_moves_a_bounded_number_of_chunks_and_the_rest_is_due_at_once():
    chain = chain_of(slicer(1), delay(10))
    chain.push(5.0, bytes(10 * MOST_MOVES))
    assert chain.pop(6.0) is None
    assert chain._stages[1][1].size == MOST_MOVES
    assert chain.due() == 6.0
    for _ in range(9):
        chain.pop(6.0)
    assert [stage.size for _, stage in chain._stages] == [0, 10 * MOST_MOVES]


def test_a_stage_is_full_of_many_small_chunks_too():
    chain = chain_of(delay(10))
    for _ in range(MOST_CHUNKS):
        assert chain.has_room
        chain.push(1.0, b"x")
    assert not chain.has_room


@pytest.mark.parametrize("rate", [1e10, 1e12, 1e22])
def test_no_rate_makes_a_throttle_read_without_end(rate):
    assert Throttle(rate).capacity == MOST_AHEAD


def test_a_limit_that_was_reached_is_remembered_when_it_is_taken_away():
    chain = chain_of(lambda: Limit(1), delay(10))
    chain.push(1.0, b"x")
    assert not chain.has_closed
    chain.adopt({1: delay(10)}, 2.0)
    assert chain.has_closed
