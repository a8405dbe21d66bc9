"""What happens to bytes under way when a stage of their chain changes, or ends the stream."""

from __future__ import annotations

import pytest
from tests.unit.relay.flows import named

from pytest_netchaos.relay.chain import Chain
from pytest_netchaos.relay.stages import FIN, Delay, Stage, Throttle
from pytest_netchaos.relay.toxics import Drop, Hold, Limit, SlowClose


def chain_of(*stages):
    chain = Chain()
    chain.adopt({key: lambda stage=stage: stage for key, stage in enumerate(stages)}, 0.0)
    return chain


def run(chain):
    """Pop everything as it falls due: (time, chunk)."""
    items = []
    while (due := chain.due()) is not None:
        while (chunk := chain.pop(due)) is not None:
            items.append((due, named(chunk)))
    return items


def late(latency):
    return Delay(latency, 0.0, lambda _: 0.0, delays_ends=False)


def test_a_change_is_for_the_stage_of_that_fault_only():
    chain = chain_of(late(1.0), late(2.0))
    chain.push(10.0, b"abc")
    chain.change(1, 10.5, (0.25, 0.0))
    assert run(chain) == [(11.25, b"abc")]


def test_a_change_for_a_fault_that_has_no_stage_here_is_none():
    chain = chain_of(late(1.0))
    chain.push(10.0, b"abc")
    chain.change(7, 10.5, (0.0, 0.0))
    assert run(chain) == [(11.0, b"abc")]


def test_a_stage_that_was_shut_goes_on_when_it_is_changed():
    chain = chain_of(Throttle(0), late(1.0))
    chain.push(10.0, b"abc")
    assert chain.due() is None
    chain.change(0, 20.0, (3000.0,))
    items = run(chain)
    assert b"".join(chunk for _, chunk in items) == b"abc"
    assert items[-1][0] == pytest.approx(21.001)


def test_what_is_held_is_what_was_pushed_and_has_not_come_out():
    chain = chain_of(late(1.0), Throttle(3))
    assert chain.held == 0
    chain.push(10.0, b"abcdef")
    assert chain.held == 6
    chain.pop(12.0)
    assert chain.held == 5
    run(chain)
    assert (chain.held, chain.lost) == (0, 0)


def test_what_is_lost_in_a_stage_stays_lost_when_the_stage_is_gone():
    chain = chain_of(Drop(), Limit(1))
    chain.push(10.0, b"abc")
    assert (chain.held, chain.lost) == (0, 3)
    chain.adopt({1: Stage}, 10.0)
    assert chain.lost == 3
    chain.push(10.0, b"xyz")
    assert chain.lost == 5, "what the limit has cut off"
    assert run(chain) == [(10.0, b"x"), (10.0, "CLOSE")]
    chain.adopt({}, 11.0)
    assert chain.lost == 5


def test_who_is_severed_loses_what_is_before_the_cut_and_keeps_what_is_past_it():
    chain = chain_of(late(1.0), Drop(), late(5.0))
    past = chain._stages[2][1]
    past.push(10.0, b"past it")
    chain.push(10.0, b"before")
    chain.push(10.1, FIN)
    assert chain.sever(1, 11.0) == []
    assert (chain.held, chain.lost) == (7, 6)
    assert run(chain) == [(15.0, b"past it"), (15.0, "CLOSE")]
    assert chain.lost == 6


def test_behind_the_last_stage_the_end_comes_out_at_once():
    chain = chain_of(late(1.0), Hold())
    chain.push(10.0, b"abc")
    out = chain.sever(1, 10.5)
    assert [named(chunk) for chunk in out] == ["CLOSE"]
    assert (chain.held, chain.lost, run(chain)) == (0, 3, [])


def test_a_slow_close_holds_an_end_that_a_fault_sends_too():
    chain = chain_of(Drop(), SlowClose(2.0))
    assert chain.sever(0, 10.0) == []
    assert run(chain) == [(12.0, "CLOSE")]


def test_a_stage_that_is_taken_away_after_it_severed_the_stream_sends_no_second_end():
    chain = chain_of(Drop(), late(1.0))
    chain._stages[1][1].push(9.5, b"abc")
    chain.sever(0, 10.0)
    kept = chain._stages[1][1]
    assert chain.adopt({1: lambda: kept}, 10.1) == []
    assert run(chain) == [(10.5, b"abc"), (10.5, "CLOSE")]


def test_who_severs_what_has_no_such_stage_has_made_a_mistake():
    with pytest.raises(ValueError, match="7 is not in list"):
        chain_of(Drop()).sever(7, 1.0)
