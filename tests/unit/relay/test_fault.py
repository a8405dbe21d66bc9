from __future__ import annotations

import pytest

from pytest_netchaos.relay.fault import DOWN, INSTANT, KINDS, REFUSING, UP, Fault, gate, stages
from pytest_netchaos.relay.flow import DROP, HOLD, OPEN
from pytest_netchaos.relay.rhythm import once
from pytest_netchaos.relay.stages import FIN, Delay, Throttle
from pytest_netchaos.relay.toxics import Drop, Hold, Limit, Slicer, SlowClose


def fault(kind, id_=1, **more):
    return Fault(id_, kind, once(), **more)


def test_the_kinds():
    assert [fault(kind).kind for kind in KINDS] == list(KINDS)
    assert set(INSTANT) | set(REFUSING) < set(KINDS)
    assert not set(INSTANT) & set(REFUSING)


@pytest.mark.parametrize("kind", ["", "flap", "Cut"])
def test_an_unknown_kind_is_refused(kind):
    with pytest.raises(ValueError, match=f"^no such fault: {kind!r}$"):
        fault(kind)


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match=r"^no such direction: 'up'$"):
        fault("stall", direction="up")


@pytest.mark.parametrize("direction", [UP, DOWN])
@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], OPEN),
        (["delay", "throttle", "cut", "reset", "close", "refuse"], OPEN),
        (["stall"], HOLD),
        (["blackhole"], DROP),
        (["stall", "blackhole"], DROP),
        (["blackhole", "stall"], DROP),
        (["stall", "delay"], HOLD),
    ],
)
def test_a_black_hole_outdoes_a_stall(kinds, expected, direction):
    assert gate([fault(kind) for kind in kinds], 1, direction) == expected


@pytest.mark.parametrize(("kind", "shut"), [("stall", HOLD), ("blackhole", DROP)])
@pytest.mark.parametrize(("direction", "up", "down"), [("both", True, True), (UP, True, False), (DOWN, False, True)])
def test_a_gate_is_shut_in_the_faults_direction_only(kind, shut, direction, up, down):
    faults = [fault(kind, direction=direction)]
    assert gate(faults, 1, UP) == (shut if up else OPEN)
    assert gate(faults, 1, DOWN) == (shut if down else OPEN)


def test_a_gate_and_a_stage_are_for_the_connections_that_are_hit():
    made = [
        fault("blackhole", 1, toxicity=0.5),
        fault("stall", 2, toxicity=0.5),
        fault("delay", 3, toxicity=0.5, values=(1, 0.0)),
    ]
    for connection in range(50):
        hits = [each.hits(connection) for each in made]
        assert gate(made, connection, UP) == (DROP if hits[0] else HOLD if hits[1] else OPEN)
        assert list(stages(made, connection, UP)) == ([3] if hits[2] else [])


@pytest.mark.parametrize(("toxicity", "least", "most"), [(0, 0, 0), (0.1, 60, 140), (0.5, 430, 570), (1, 1000, 1000)])
def test_the_toxicity_is_the_share_that_is_hit(toxicity, least, most):
    each = fault("stall", seed=11, toxicity=toxicity)
    assert least <= sum(each.hits(connection) for connection in range(1, 1001)) <= most


def test_who_is_hit_is_decided_once_by_seed_and_fault():
    def hits(seed, id_):
        return [fault("stall", id_, seed=seed, toxicity=0.5).hits(n) for n in range(64)]

    assert hits(7, 1) == hits(7, 1)
    assert hits(7, 1) != hits(8, 1)
    assert hits(7, 1) != hits(7, 2)
    each = fault("stall", seed=7, toxicity=0.5)
    assert [each.hits(n) for n in reversed(range(64))] == hits(7, 1)[::-1]


def test_who_is_hit_by_less_is_hit_by_more():
    few, many = fault("stall", seed=7, toxicity=0.2), fault("stall", seed=7, toxicity=0.7)
    assert all(many.hits(n) for n in range(500) if few.hits(n))


def test_stages_are_made_for_their_direction_in_the_order_of_the_faults():
    faults = [
        fault("throttle", 5, values=(100.0,)), fault("stall", 1), fault("delay", 2, direction=UP, values=(0.5, 0.0)),
        fault("delay", 3, direction=DOWN, values=(0.25, 0.0)),
    ]  # fmt: skip
    up, down = stages(faults, 1, UP), stages(faults, 1, DOWN)
    assert list(up) == [5, 2]
    assert list(down) == [5, 3]
    assert isinstance(up[5](), Throttle)
    assert isinstance(up[2](), Delay)
    made = down[3]()
    made.push(1.0, b"x")
    assert made.due() == 1.25
    shaper = up[5]()
    shaper.push(1.0, b"x")
    assert shaper.due() == pytest.approx(1.01)


def departures(seed=7, id_=1, connection=1, direction=UP):
    stage = fault("delay", id_, seed=seed, values=(0.5, 0.5)).stage(connection, direction)
    found = []
    for at in range(0, 100, 10):
        stage.push(float(at), b"x")
        found.append(stage.pop(at + 5.0)[0] - at)
    return found


def test_the_jitter_is_a_function_of_seed_fault_direction_connection_and_step():
    first = departures()
    assert first == departures()
    assert len(set(first)) == len(first)
    others = [departures(seed=8), departures(id_=2), departures(connection=2), departures(direction=DOWN)]
    assert first not in others
    assert all(0 <= wait <= 1 for waits in [first, *others] for wait in waits)


#: How many numbers each kind has, and what it does to bytes.
STAGES = {
    "delay": (2, Delay), "latency": (2, Delay), "throttle": (1, Throttle), "bandwidth": (1, Throttle),
    "slice": (3, Slicer), "slicer": (3, Slicer), "limit": (1, Limit), "limit_data": (1, Limit),
    "slow_close": (1, SlowClose), "timeout": (1, Drop), "reset_peer": (1, Hold), "idle_timeout": (1, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_numbers_and_its_stage(kind):
    count, type_ = STAGES.get(kind, (0, None))
    numbers = (2.0, 1.0, 1.0)[:count]
    made = fault(kind, values=numbers)
    assert made.values == numbers
    assert fault(kind).values == (0.0,) * count, "a tap gives none"
    both = stages([made], 1, UP)
    assert [type(make()) for make in both.values()] == ([type_] if type_ else [])


@pytest.mark.parametrize(("kind", "alone"), [("delay", 10.5), ("latency", 10.0)])
def test_a_fin_alone_is_late_by_a_delay_and_not_by_a_latency(kind, alone):
    stage = fault(kind, values=(0.5, 0.0)).stage(1, UP)
    stage.push(10.0, FIN)
    assert stage.due() == alone


@pytest.mark.parametrize("kind", ["slice", "slicer"])
def test_a_slicer_cuts_as_its_numbers_say(kind):
    stage = fault(kind, values=(3.0, 1.0, 0.25)).stage(1, UP)
    stage.push(10.0, bytes(100))
    found = []
    while (due := stage.due()) is not None:
        found.append((due, len(stage.pop(due)[1])))
    assert {size for _, size in found[:-1]} == {2, 3, 4}
    assert [at for at, _ in found] == [10.0 + 0.25 * step for step in range(len(found))]


@pytest.mark.parametrize(("kind", "value", "due"), [("slow_close", 2.0, 12.0), ("throttle", 1000.0, 10.001)])
def test_a_stage_has_its_faults_number(kind, value, due):
    stage = fault(kind, values=(value,)).stage(1, UP)
    stage.push(10.0, FIN if kind == "slow_close" else b"x")
    assert stage.due() == pytest.approx(due)


@pytest.mark.parametrize("kind", ["limit", "limit_data"])
def test_a_limit_has_its_count(kind):
    stage = fault(kind, values=(3.0,)).stage(1, UP)
    stage.push(10.0, b"abcdef")
    assert stage.pop(10.0) == (10.0, b"abc")


def pieces(seed=7, id_=1, connection=1, direction=UP):
    stage = fault("slicer", id_, seed=seed, values=(50.0, 49.0, 0.0)).stage(connection, direction)
    stage.push(0.0, bytes(1000))
    found = []
    while (piece := stage.pop(0.0)) is not None:
        found.append(len(piece[1]))
    return found


def test_slices_are_a_function_of_seed_fault_direction_connection_and_step():
    assert pieces() == pieces()
    others = [pieces(seed=8), pieces(id_=2), pieces(connection=2), pieces(direction=DOWN)]
    assert pieces() not in others


@pytest.mark.parametrize("toxicity", [-0.1, 1.1, 5, float("nan"), float("inf")])
def test_a_toxicity_out_of_range_is_refused(toxicity):
    with pytest.raises(ValueError, match=r"^toxicity must be from 0 to 1, not "):
        fault("stall", toxicity=toxicity)


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        ("delay", (-1.0, 0.0), "latency"),
        ("latency", (0.0, -1.0), "jitter"),
        ("throttle", (float("nan"),), "rate"),
        ("bandwidth", (float("inf"),), "rate"),
        ("slicer", (0.0, 0.0, 0.0), "size"),
        ("slice", (0.5, 0.0, 0.0), "size"),
        ("slicer", (5.0, 5.0, 0.0), "variation"),
        ("slicer", (5.0, 0.0, -1.0), "pause"),
        ("limit_data", (-1.0,), "bytes"),
        ("timeout", (1e300,), "timeout"),
        ("cut", (1.0,), "takes 0 values"),
        ("delay", (1.0,), "takes 2 values"),
    ],
)
def test_numbers_that_it_cannot_have_are_refused_by_name(kind, values, named):
    with pytest.raises(ValueError, match=f"^{kind}.*{named}"):
        fault(kind, values=values)


def test_the_largest_numbers_overflow_nothing():
    most = 1e22
    for kind, values in (
        ("slicer", (most, most / 2, most)),
        ("limit", (most,)),
        ("throttle", (most,)),
        ("throttle", (5e-324,)),
        ("delay", (most, most)),
        ("slow_close", (most,)),
    ):
        stage = fault(kind, values=values).stage(1, UP)
        stage.push(0.0, b"some bytes")
        stage.due()
        stage.pop(1e9)
