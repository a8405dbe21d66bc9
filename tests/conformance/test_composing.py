"""Faults together, in any order; faults that end by themselves; flapping."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from tests.conformance.peers import SOON

from pytest_netchaos import Cut, Delay, Refuse, Stall, Throttle, reconnected


def test_a_context_manager_heals_on_the_way_out_even_when_the_block_raises(world):
    with pytest.raises(RuntimeError), world.link.cut():
        raise RuntimeError
    assert world.dial_fails_with() == ""


@pytest.mark.beyond_toxiproxy
def test_overlapping_cuts_and_refusals_end_with_the_last_one(world):
    for order in itertools.permutations(range(3)):
        faults = [world.link.cut(), world.link.refuse(), world.link.cut()]
        for index in order[:-1]:
            faults[index].heal()
            assert world.dial_fails_with() == "ECONNREFUSED"
        faults[order[-1]].heal()
        assert world.dial_fails_with() == ""


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_faults_heal_in_any_order(world, engine, order):
    client, server = world.pair()
    fourth = Refuse() if engine.startswith("embedded") else Delay(0.02)  # Toxiproxy can't refuse without a cut
    faults = [world.link.inject(f) for f in (Stall(), Delay(0.01), fourth, Throttle(1e6))]
    client.send(b"x")
    for index in order:
        faults[index].heal()
    assert server.receives(b"x")
    assert world.dial_fails_with() == ""


def test_link_heal_takes_every_fault_back(world):
    client, server = world.pair()
    world.link.delay(20)
    world.link.stall()
    world.link.throttle(1000)
    client.send(b"x")
    world.link.heal()
    assert server.receives(b"x")
    assert world.dial_fails_with() == ""
    assert not any(fault.is_active for fault in world.link.faults)


def test_network_heal_takes_every_fault_of_every_link_back(worlds, netchaos):
    first, second = worlds(), worlds()
    first.link.cut()
    second.link.cut()
    netchaos.heal()
    assert (first.dial_fails_with(), second.dial_fails_with()) == ("", "")


def test_links_do_not_touch_each_other(worlds):
    first, second = worlds(), worlds()
    client, server = second.pair()
    with first.link.cut():
        assert first.dial_fails_with() == "ECONNREFUSED"
        client.send(b"x")
        assert server.receives(b"x")
    assert second.link.faults == ()


def test_healing_twice_is_harmless_and_says_the_same_time(world):
    fault = world.link.cut()
    assert fault.heal() == fault.heal()


def test_a_fault_ends_by_itself_after_the_time_it_was_given(world):
    fault = world.link.cut(for_=0.2)
    fault.wait()
    assert not fault.is_active
    assert world.dial_fails_with() == ""
    (span,) = world.link.history().faults
    assert 0.2 <= span.healed_at - span.started_at < 5


def test_a_fault_with_a_time_can_be_healed_before_it(world):
    with world.link.cut(for_=300) as fault:
        assert fault.is_active
        assert world.dial_fails_with() == "ECONNREFUSED"
    assert not fault.is_active
    assert world.dial_fails_with() == ""


def test_a_reconnect_can_be_asked_for_while_a_fault_still_has_to_end(world):
    world.pair()
    world.link.cut(for_=0.1)
    dialling = threading.Thread(target=dial_until_served, args=(world,))
    dialling.start()
    assert world.link == reconnected(within=SOON)
    dialling.join()


def dial_until_served(world):
    while world.dial_fails_with():
        pass


def test_flap_goes_down_and_up_as_often_as_it_was_told(world):
    fault = world.link.flap(down=0.3, up=0.05, cycles=3)
    fault.wait()
    spans = world.link.history().faults
    assert [(span.fault, span.cycle) for span in spans] == [(Cut(), 1), (Cut(), 2), (Cut(), 3)]
    assert all(span.healed_at - span.started_at > 0.02 for span in spans)  # a late start doesn't put the end off
    assert world.dial_fails_with() == ""


def test_flap_repeats_any_fault(world):
    client, server = world.pair()
    world.link.flap(down=0.05, up=0.01, cycles=3, fault=Stall())
    client.send(b"late")
    assert server.receives(b"late")
    assert world.link.connections[0].is_open


def test_flap_without_cycles_goes_on_until_it_is_healed(world):
    with world.link.flap(down=0.01, up=0.01):
        world.link.wait_for(lambda history: len(history.faults) >= 5)
    count = len(world.link.history().faults)
    assert world.dial_fails_with() == ""
    assert len(world.link.history().faults) == count


def test_a_new_connection_meets_the_faults_that_are_in_force(world):
    with world.link.delay(0.1, direction="upstream"):
        started = time.monotonic()
        client, server = world.pair()
        client.send(b"x")
        assert server.receives(b"x")
        assert time.monotonic() - started >= 0.1


def test_stall_outlives_a_delay_and_a_blackhole_outdoes_both(world):
    client, server = world.pair()
    stall = world.link.stall()
    with world.link.blackhole():
        client.send(b"lost")
        assert server.sees() == "silence"
    assert client.ends_with() == "RST"
    stall.heal()
