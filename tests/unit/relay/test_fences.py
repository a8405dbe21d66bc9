from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.chain import Chain
from pytest_netchaos.relay.fences import Fence
from pytest_netchaos.relay.stages import CAPACITY, CLOSE, FIN, Delay, Throttle


def never(_):
    raise AssertionError("it draws nothing")


def delay(seconds):
    return lambda: Delay(seconds, 0.0, never)


def given_out(stage, now=0.0):
    """Everything that passes."""
    chunks = []
    while (item := stage.pop(now)) is not None:
        chunks.append(item if isinstance(item, bytes) else item[1])
    return chunks


@pytest.fixture
def told():
    return []


@pytest.fixture
def fence(told):
    made = Fence(0)
    made.mark(1, 10, lambda: told.append(1))
    return made


def test_bytes_pass_up_to_the_mark_and_no_further(fence, told):
    fence.push(0.0, b"0123456")
    assert given_out(fence) == [b"0123456"]
    assert told == []
    fence.push(0.0, b"789abc")
    assert fence.pop(0.0) == (0.0, b"789")
    assert told == [], "the bytes before it have not been asked about again, so they may not have left"
    assert fence.pop(0.0) is None
    assert told == [1]
    assert given_out(fence) == []
    assert told == [1], "once"
    assert fence.size == 3


def test_a_mark_that_is_lifted_lets_the_rest_pass(fence, told):
    fence.push(0.0, b"0123456789abc")
    given_out(fence)
    fence.lift(1)
    assert not fence.is_needed
    assert given_out(fence) == [b"abc"]
    fence.lift(1)
    assert told == [1]


def test_at_a_mark_there_is_no_room_and_nothing_is_due(fence):
    fence.push(3.0, b"0123456789abc")
    assert (fence.has_room, fence.due()) == (True, 3.0)
    given_out(fence)
    assert fence.is_shut
    assert (fence.has_room, fence.due()) == (False, None)
    fence.lift(1)
    assert (fence.has_room, fence.due()) == (True, 3.0)


def test_it_holds_no_more_than_others_do(fence):
    fence.push(0.0, bytes(CAPACITY))
    assert not fence.has_room


def test_an_end_passes_before_the_mark_and_waits_at_it(fence):
    fence.push(0.0, b"012345678")
    fence.push(0.0, FIN)
    assert given_out(fence)[-1] is FIN
    fence.push(0.0, b"9")
    fence.push(0.0, FIN)
    assert given_out(fence) == [b"9"]
    fence.lift(1)
    assert given_out(fence)[-1] is FIN


def test_marks_are_met_in_the_order_of_their_offsets_and_two_of_one_offset_together(told):
    fence = Fence(100)
    for key, offset in ((1, 105), (2, 102), (3, 105), (4, 100)):
        fence.mark(key, offset, lambda key=key: told.append(key))
    fence.push(0.0, b"abcdefgh")
    assert (given_out(fence), told) == ([], [4])
    fence.lift(4)
    assert (given_out(fence), told) == ([b"ab"], [4, 2])
    fence.lift(2)
    assert (given_out(fence), told) == ([b"cde"], [4, 2, 1, 3])
    fence.lift(1)
    assert given_out(fence) == []
    fence.lift(3)
    assert given_out(fence) == [b"fgh"]


def test_what_was_not_written_yet_is_held_again_and_passes_once(told):
    fence = Fence(8)
    fence.push(0.0, b"tail")
    fence.take_back([b"abc", b"", b"defgh"])
    fence.mark(1, 4, lambda: told.append(1))
    assert b"".join(given_out(fence)) == b"abcd"
    assert told == [1]
    fence.lift(1)
    assert b"".join(given_out(fence)) == b"efghtail"


def test_a_hold_stops_the_stream_but_is_no_place_to_end_it():
    fence = Fence(5)
    fence.mark(1, 5, None)
    fence.push(0.0, b"x")
    assert given_out(fence) == []
    assert (fence.is_shut, fence.is_at_mark) == (True, False)
    fence.mark(2, 5, lambda: None)
    assert fence.is_at_mark


def test_bytes_that_pass_another_way_count(fence):
    assert fence.leeway == 10
    fence.skip(7)
    assert fence.leeway == 3
    fence.push(0.0, b"xy")
    assert fence.leeway == 1
    fence.push(0.0, b"zzz")
    assert given_out(fence) == [b"xy", b"z"]


@given(
    st.lists(st.binary(min_size=1, max_size=9), max_size=12),
    st.lists(st.integers(0, 60), max_size=5),
    st.integers(0, 3),
)
def test_whatever_comes_it_stops_at_each_mark_and_loses_nothing(chunks, offsets, pops):
    """Against a model that is a string of bytes and a position."""
    stream, fence, reached = b"".join(chunks), Fence(0), []
    for key, offset in enumerate(offsets):
        fence.mark(key, offset, lambda key=key: reached.append(key))
    got = b""
    for chunk in chunks:
        fence.push(0.0, chunk)
        for _ in range(pops):
            got += (fence.pop(0.0) or (0, b""))[1]
    for key, offset in sorted(enumerate(offsets), key=lambda item: item[1]):
        got += b"".join(given_out(fence))
        assert got == stream[: len(got)]
        assert len(got) == min(offset, len(stream))
        assert (key in reached) == (offset <= len(stream))
        fence.lift(key)
    assert got + b"".join(given_out(fence)) == stream


# In a chain


def test_what_a_fence_holds_goes_through_the_stage_that_its_fault_brings():
    chain, reached = Chain(), []
    chain.adopt({1: delay(1)}, 0.0)
    chain.hold(9, 4, lambda: reached.append(9), 0, ())
    chain.push(0.0, b"abcdefg")
    chain.push(0.5, b"hi")
    assert given_out(chain, 0.9) == []
    assert given_out(chain, 1.0) == [b"abcd"]
    assert reached == [9]
    assert chain.adopt({1: delay(1), 9: delay(5)}, 2.0) == []
    assert chain.lift(9) == []
    assert chain.fence is None
    assert given_out(chain, 6.9) == []
    assert given_out(chain, 7.0) == [b"efg", b"hi"], "5 s after they met it, and the first stage had its way before"


def test_a_stage_that_is_taken_away_gives_what_it_holds_to_the_fence():
    chain = Chain()
    chain.adopt({1: delay(1)}, 0.0)
    chain.hold(9, 2, lambda: None, 0, ())
    chain.push(0.0, b"abcd")
    assert chain.adopt({}, 0.1) == []
    assert given_out(chain) == [b"ab"]
    assert chain.lift(9) == [b"cd"]
    assert not chain


def test_a_new_stage_comes_before_the_fence():
    chain = Chain()
    chain.hold(9, 2, lambda: None, 0, (b"ab", b"cd"))
    assert chain.sole(Throttle) is None
    chain.adopt({1: delay(1)}, 0.0)
    assert given_out(chain, 0.9) == []
    assert given_out(chain, 1.0) == [b"ab"], "what wasn't written when the fence came is held, and meets the stage"
    assert chain.leeway == 0


def test_the_leeway_is_that_of_a_fence_alone():
    chain = Chain()
    assert chain.leeway == 0
    chain.hold(9, 100, lambda: None, 20, ())
    assert chain.leeway == 80


def test_severed_at_the_fence_it_ends_there_and_what_is_beyond_is_lost():
    chain = Chain()
    chain.adopt({1: delay(1)}, 0.0)
    chain.hold(9, 2, lambda: None, 0, ())
    chain.push(0.0, b"abcd")
    assert given_out(chain, 1.0) == [b"ab"]
    chain.push(1.0, b"efg")
    (end,) = chain.sever(None, 1.0)
    assert end is CLOSE
    assert chain.lost == 5


def test_a_chain_is_drained_with_what_the_fence_holds_first():
    chain = Chain()
    chain.adopt({1: delay(1)}, 0.0)
    chain.hold(9, 0, lambda: None, 0, ())
    chain.push(0.0, b"ab")
    given_out(chain, 1.0)
    chain.push(1.0, b"cd")
    assert chain.held == 4
    assert chain.drain() == [b"ab", b"cd"]


def test_a_lift_of_one_of_two_leaves_the_fence():
    chain = Chain()
    chain.hold(1, 5, lambda: None, 0, ())
    chain.hold(2, 3, lambda: None, 0, ())
    chain.push(0.0, b"abcdefg")
    assert given_out(chain) == [b"abc"]
    assert chain.lift(2) == []
    assert given_out(chain) == [b"de"]
    assert chain.lift(1) == [b"fg"]
    assert chain.lift(1) == []
