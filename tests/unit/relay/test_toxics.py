from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.relay.chance import draw
from pytest_netchaos.relay.stages import CLOSE, FIN, RST, is_end
from pytest_netchaos.relay.toxics import Drop, Hold, Limit, Slicer, SlowClose

DRAWN = partial(draw, 7)
CHUNKS = st.lists(st.binary(min_size=1, max_size=50), max_size=10)


def everything(stage, now=1e9):
    chunks = []
    while (item := stage.pop(now)) is not None:
        chunks.append(item[1])
        now += 1
    return chunks


def data(chunks):
    return b"".join(chunk for chunk in chunks if not is_end(chunk))


# SlowClose.


def test_a_slow_close_lets_bytes_through_at_once_and_holds_the_end_back():
    stage = SlowClose(2.0)
    stage.push(10.0, b"abc")
    stage.push(10.5, FIN)
    assert stage.pop(10.0) == (10.0, b"abc")
    assert (stage.due(), stage.pop(12.4)) == (12.5, None)
    assert stage.pop(12.5) == (12.5, FIN)
    assert (stage.due(), stage.size) == (None, 0)


@pytest.mark.parametrize("end", [FIN, RST, CLOSE])
def test_every_end_is_held_back(end):
    stage = SlowClose(1.0)
    stage.push(10.0, end)
    assert stage.due() == 11.0
    assert stage.pop(11.0)[1] is end


def test_a_changed_delay_counts_for_an_end_that_is_waiting():
    stage = SlowClose(100.0)
    stage.push(10.0, FIN)
    stage.change(11.0, 1.5)
    assert stage.due() == 11.5


# Drop.


@given(CHUNKS)
def test_a_drop_drops_and_counts_every_byte_and_lets_the_end_through(chunks):
    stage = Drop()
    for chunk in chunks:
        stage.push(1.0, chunk)
    assert (stage.due(), stage.size, stage.lost) == (None, 0, len(data(chunks)))
    stage.push(2.0, RST)
    assert stage.due() == 2.0
    assert stage.pop(2.0) == (2.0, RST)


# Hold.


def test_a_hold_keeps_everything_until_it_is_taken_away():
    stage = Hold()
    for chunk in (b"abc", b"de", FIN):
        stage.push(1.0, chunk)
    assert (stage.due(), stage.pop(1e9), stage.size) == (None, None, 5)
    drained = stage.drain()
    assert (drained, stage.size) == ([b"abc", b"de", FIN], 0)
    assert drained[-1] is FIN


# Limit.


@given(CHUNKS, st.integers(0, 300))
def test_a_limit_lets_exactly_so_many_bytes_through_and_then_closes(chunks, count):
    stage, sent = Limit(count), data(chunks)
    for chunk in chunks:
        stage.push(1.0, chunk)
    passed = everything(stage)
    assert data(passed) == sent[:count]
    assert stage.lost == len(sent) - len(data(passed))
    has_closed = bool(chunks) and len(sent) >= count
    assert [chunk for chunk in passed if is_end(chunk)] == [CLOSE] * has_closed
    assert all(chunk is CLOSE for chunk in passed if is_end(chunk))


def test_a_stream_that_ends_before_the_limit_ends_as_it_would():
    stage = Limit(10)
    stage.push(1.0, b"abc")
    stage.push(2.0, FIN)
    assert [stage.pop(3.0), stage.pop(3.0)] == [(1.0, b"abc"), (2.0, FIN)]


def test_a_limit_of_nothing_closes_at_the_first_byte_and_not_before():
    stage = Limit(0)
    assert stage.due() is None
    stage.push(1.0, b"a")
    assert stage.pop(1.0)[1] is CLOSE


def test_nothing_comes_after_the_close():
    stage = Limit(1)
    for chunk in (b"ab", b"cd", FIN):
        stage.push(1.0, chunk)
    assert everything(stage) == [b"a", CLOSE]
    assert (stage.lost, stage.size) == (3, 0)


def test_a_changed_limit_counts_from_the_same_start():
    stage = Limit(4)
    stage.push(1.0, b"abc")
    stage.change(2.0, 5.0)
    stage.push(3.0, b"defg")
    assert data(everything(stage)) == b"abcde"


def test_a_limit_that_is_lowered_below_what_has_passed_closes_at_the_next_byte():
    stage = Limit(10)
    stage.push(1.0, b"abc")
    stage.change(2.0, 1.0)
    assert everything(stage) == [b"abc"]
    stage.push(3.0, b"d")
    assert everything(stage)[0] is CLOSE


# Slicer.


@given(CHUNKS, st.integers(1, 20).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_pieces_are_as_large_as_asked_and_nothing_is_lost_or_moved(chunks, sizes):
    average, variation = sizes
    stage = Slicer(average, variation, 0.0, DRAWN)
    for chunk in chunks:
        stage.push(1.0, chunk)
    held = stage.size
    pieces = everything(stage)
    assert (held, stage.size) == (len(data(chunks)), 0)
    assert b"".join(pieces) == data(chunks)
    whole = iter(pieces)
    for chunk in chunks:  # only the last piece of a chunk may be smaller
        left = len(chunk)
        while left:
            piece = len(next(whole))
            assert piece <= average + variation
            assert piece >= average - variation or piece == left
            left -= piece


def test_the_variation_is_spread_evenly_over_all_sizes():
    stage = Slicer(3, 2, 0.0, DRAWN)
    stage.push(0.0, bytes(100_000))
    sizes = [len(piece) for piece in everything(stage)][:-1]
    counts = [sizes.count(size) / len(sizes) for size in range(1, 6)]
    assert sum(counts) == pytest.approx(1)
    assert all(0.18 < count < 0.22 for count in counts)


def test_a_pause_follows_each_piece_and_counts_from_when_it_went():
    stage = Slicer(2, 0, 0.5, DRAWN)
    stage.push(10.0, b"abcd")
    assert stage.pop(10.0) == (10.0, b"ab")
    assert (stage.due(), stage.pop(10.49)) == (10.5, None)
    assert stage.pop(10.7) == (10.5, b"cd")
    stage.push(10.7, b"e")
    assert stage.due() == 11.2, "of 10.7, when the last one went, and not of 10.5, when it could have"


def test_the_end_waits_for_the_pause_and_causes_none():
    stage = Slicer(2, 0, 0.5, DRAWN)
    stage.push(10.0, b"ab")
    stage.push(10.0, FIN)
    assert [stage.pop(10.0), stage.pop(10.4), stage.pop(10.5)] == [(10.0, b"ab"), None, (10.5, FIN)]


def test_half_a_chunk_is_given_up_as_what_is_left_of_it():
    stage = Slicer(2, 0, 0.0, DRAWN)
    stage.push(1.0, b"abcde")
    stage.push(1.0, b"fg")
    assert stage.pop(1.0) == (1.0, b"ab")
    assert (stage.drain(), stage.size) == ([b"cde", b"fg"], 0)
    stage.push(2.0, b"xyz")
    assert everything(stage) == [b"xy", b"z"]


def test_a_change_counts_for_what_is_held():
    stage = Slicer(2, 0, 100.0, DRAWN)
    stage.push(1.0, b"abcdefg")
    assert stage.pop(1.0) == (1.0, b"ab")
    stage.change(2.0, 3, 0, 0.5)
    assert stage.due() == 2.5
    assert stage.pop(2.5) == (2.5, b"cde")


def test_a_piece_is_drawn_by_its_number_and_the_chunks_and_by_nothing_else():
    def cuts(together):
        stage, sizes = Slicer(5, 4, 0.0, DRAWN), []
        for now, chunk in enumerate((b"a" * 40, b"b" * 40, b"c" * 40), 1):
            stage.push(1.0, chunk)
            if not together:
                sizes += [len(piece) for piece in everything(stage, now * 1000.0)]
        return sizes + [len(piece) for piece in everything(stage)]

    assert cuts(together=True) == cuts(together=False)
