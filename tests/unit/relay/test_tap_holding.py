"""The tap holds bytes back, and says what others took."""

from __future__ import annotations

import socket

import pytest
from tests.unit.relay.tapped import BIG, fault, pour

# Holds and dams


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_a_hold_keeps_bytes_out_of_the_other_proxy(world, direction):
    peers = world.pair()
    source, near = (peers.client, peers.near) if direction == "upstream" else (peers.server, peers.far)
    back, far = (peers.server, peers.far) if direction == "upstream" else (peers.client, peers.near)
    hold = fault("hold", -1, direction=direction)
    world.tap.start(hold)
    source.sendall(b"held")
    assert world.sends(back, far, b"free") == b"free"
    near.setblocking(False)
    with pytest.raises(BlockingIOError):
        near.recv(1)
    world.tap.end(hold)
    assert world.receives(near, 4) == b"held"


def test_a_hold_keeps_new_dials_back_too(world):
    hold = fault("hold", -1, direction="both")
    world.tap.start(hold)
    world.dial()
    world.other.setblocking(False)
    with pytest.raises(BlockingIOError):
        world.other.accept()
    world.other.settimeout(10.0)
    world.tap.end(hold)
    world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))


def test_a_hold_keeps_what_comes_out_of_the_other_proxy_and_a_dam_does_not(world):
    peers = world.pair()
    for kind, passes in (("hold", False), ("dam", True)):
        gate = fault(kind, -1)
        world.tap.start(gate)
        for source, target in ((peers.far, peers.server), (peers.near, peers.client)):
            source.sendall(b"out")
            assert world.is_silent(target) is not passes
        world.tap.end(gate)
        assert [world.receives(sock, 3) for sock in (peers.server, peers.client)] == [b"out"] * 2


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("kind", ["dam", "stall"])
def test_nothing_enters_the_other_proxy_in_that_direction(world, kind, direction):
    peers = world.pair()
    up, down = (peers.client, peers.near), (peers.server, peers.far)
    shut, free = (up, down) if direction == "upstream" else (down, up)
    gate = fault(kind, direction=direction)
    world.tap.start(gate)
    shut[0].sendall(b"held")
    assert world.sends(*free, b"free") == b"free"
    assert world.is_silent(shut[1])
    world.tap.end(gate)
    assert world.receives(shut[1], 4) == b"held"


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_nothing_that_was_under_way_comes_out_in_a_stall(world, direction):
    peers = world.pair()
    up, down = (peers.far, peers.server), (peers.near, peers.client)
    shut, free = (up, down) if direction == "upstream" else (down, up)
    stall = fault("stall", direction=direction)
    world.tap.start(stall)
    assert world.said("on") == [(1, 1, "1")]
    shut[0].sendall(b"held")
    assert world.sends(*free, b"free") == b"free"
    assert world.is_silent(shut[1])
    world.tap.end(stall)
    assert world.receives(shut[1], 4) == b"held"


@pytest.mark.parametrize("kind", ["stall", "dam", "hold"])
@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_nobody_has_his_turn_while_the_way_up_is_shut(world, kind, direction):
    gate = fault(kind, direction=direction)
    world.tap.start(gate)
    client = world.dial()
    assert world.is_silent(client)
    assert world.nobody_comes(world.other) is (direction == "upstream")
    world.tap.end(gate)
    if direction == "upstream":
        world.taken()
    world.come_back()
    world.spin(lambda: world.said("open"))


def test_a_server_is_not_dialled_by_who_comes_back_in_a_stall(world):
    world.dial()
    world.taken()
    stall = fault("stall")
    world.tap.start(stall)
    far = world.come_back()
    assert world.is_silent(far)
    assert world.nobody_comes(world.server)
    assert world.said("open") == []
    world.tap.end(stall)
    world.spin(lambda: world.said("open"))
    world.serve()


def test_of_two_stalls_the_last_one_lets_go(world):
    peers = world.pair()
    first, second = fault("stall", 1), fault("stall", 2, direction="upstream")
    world.tap.start(first)
    world.tap.start(second)
    peers.client.sendall(b"up")
    peers.server.sendall(b"down")
    world.tap.end(first)
    assert world.receives(peers.far, 4) == b"down"
    assert world.is_silent(peers.near)
    world.tap.end(second)
    assert world.receives(peers.near, 2) == b"up"


# What is under way


def test_what_is_in_the_other_proxy_is_counted_until_it_comes_out(world, send_rst):
    first, second = world.pair(), world.pair()
    assert world.tap.in_flight() == 0
    world.sends(first.client, first.near, b"333")
    world.sends(second.server, second.far, b"four")
    assert world.tap.in_flight() == 7
    world.sends(first.far, first.server, b"3")
    assert world.tap.in_flight() == 6
    world.sends(second.near, second.client, b"four")
    assert world.tap.in_flight() == 2
    send_rst(first.client)
    world.spin(lambda: world.said("close"))
    assert world.tap.in_flight() == 0, "what is still in there, is nobody's"


def test_before_there_is_another_half_nothing_is_in_flight(world):
    world.dial().sendall(b"early")
    assert world.receives(world.taken(), 5) == b"early"
    assert world.tap.in_flight() == 0


@pytest.mark.parametrize("kind", ["delay", "throttle", "blackhole"])
def test_what_the_other_proxy_does_is_noted_and_not_done_twice(world, kind):
    peers = world.pair()
    made = fault(kind)
    world.tap.start(made)
    assert world.said("on") == [(1, 1, "1")]
    assert world.sends(peers.client, peers.near, b"at once") == b"at once"
    assert world.sends(peers.near, peers.client, b"at once") == b"at once"


# Black holes


def test_after_a_black_hole_who_lost_bytes_is_reset_and_who_did_not_goes_on(world, read_all):
    loser, lucky = world.pair(), world.pair()
    hole = fault("blackhole")
    world.tap.start(hole)
    assert world.sends(loser.client, loser.near, b"gone") == b"gone"  # and the other proxy drops it
    world.tap.count_all()
    assert world.events[-1] == ("count", 5, 1, 0, 0, 4, 0)
    world.tap.end(hole)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]
    assert read_all(loser.client) == read_all(loser.server) == (b"", "RST")
    assert world.sends(lucky.client, lucky.near, b"x") == b"x"
    assert world.sends(lucky.far, lucky.server, b"x") == b"x"


def test_a_black_hole_of_one_direction_is_judged_by_that_direction(world):
    peers = world.pair()
    hole = fault("blackhole", direction="downstream")
    world.tap.start(hole)
    world.sends(peers.client, peers.near, b"under way")
    world.tap.end(hole)
    assert world.said("close") == []
    assert world.sends(peers.far, peers.server, b"under way") == b"under way"


def test_two_black_holes_are_judged_when_the_last_one_is_healed(world):
    peers = world.pair()
    first, second = fault("blackhole", 1), fault("blackhole", 2)
    world.tap.start(first)
    world.tap.start(second)
    world.sends(peers.server, peers.far, b"gone")
    world.tap.end(first)
    assert world.said("close") == []
    world.tap.end(second)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]
    world.tap.end(second)


def test_a_connection_that_was_made_in_a_black_hole_is_judged_too(world):
    hole = fault("blackhole")
    world.tap.start(hole)
    peers = world.pair()
    world.sends(peers.client, peers.near, b"gone")
    world.tap.end(hole)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]


@pytest.mark.parametrize("hole_first", [False, True])
def test_a_black_hole_outdoes_a_stall(world, read_all, hole_first):
    peers = world.pair()
    stall, hole = fault("stall", 1), fault("blackhole", 2, direction="upstream")
    for each in (hole, stall) if hole_first else (stall, hole):
        world.tap.start(each)
    assert world.sends(peers.client, peers.near, b"gone") == b"gone"  # and the other proxy drops it
    peers.server.sendall(b"held")
    assert world.is_silent(peers.far), "there is no black hole in that direction"
    peers.far.sendall(b"held")
    assert world.is_silent(peers.server), "the exits are shut still"
    world.tap.end(hole)
    assert world.said("close") == [(1, "fault", "RST", "blackhole took 4 bytes")]
    assert read_all(peers.client) == read_all(peers.server) == (b"", "RST")
    world.tap.end(stall)


def test_after_a_black_hole_that_took_nothing_the_stall_holds_again(world):
    peers = world.pair()
    stall, hole = fault("stall", 1), fault("blackhole", 2)
    world.tap.start(stall)
    world.tap.start(hole)
    world.tap.end(hole)
    peers.client.sendall(b"held")
    assert world.is_silent(peers.near)
    world.tap.end(stall)
    assert world.receives(peers.near, 4) == b"held"
    assert world.said("close") == []


# Gulping


def test_while_it_gulps_the_other_proxy_is_never_kept_waiting(world):
    peers = world.pair()
    world.tap.gulp(on=True)
    pour(world, peers.near, BIG)  # although the client reads nothing
    world.tap.gulp(on=False)
    assert len(world.receives(peers.client, BIG)) == BIG


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("kind", ["stall", "hold"])
def test_while_it_gulps_in_a_stall_it_hoards(world, kind, direction):
    peers = world.pair()
    far, target = (peers.far, peers.server) if direction == "upstream" else (peers.near, peers.client)
    held = fault(kind)
    world.tap.start(held)
    world.tap.gulp(on=True)
    pour(world, far, BIG, b"the last words")
    far.shutdown(socket.SHUT_WR)
    assert world.is_silent(target)
    world.tap.gulp(on=False)
    assert world.is_silent(target)
    world.tap.end(held)
    got = world.receives(target, BIG + 14)
    assert (len(got), got[-14:]) == (BIG + 14, b"the last words")
    assert world.ends_with(target) == "FIN"


def test_who_comes_while_it_gulps_is_gulped_for_too(world):
    world.tap.gulp(on=True)
    world.pair()
    pair = world.tap.connections[1]
    assert (pair.front.down.gulps, pair.back.up.gulps) == (True, True)
    assert (pair.front.up.gulps, pair.back.down.gulps) == (False, False), "the peers may be kept waiting"
    world.tap.gulp(on=False)
    assert (pair.front.down.gulps, pair.back.up.gulps) == (False, False)
