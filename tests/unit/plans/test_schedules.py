from __future__ import annotations

import statistics
from itertools import pairwise

import pytest

from pytest_netchaos.faults import Cut, Delay, Flap, Reset, Stall
from pytest_netchaos.plan import Plan, Step
from pytest_netchaos.plans.schedules import poisson, swizzle
from pytest_netchaos.relay import chance

SEEDS = range(1000)
LINKS = ["a", "b", "c", "d", "e"]


def starts(plan):
    return [step.at for step in plan.steps]


def test_a_seed_makes_this_plan_in_each_version():
    assert poisson(3, 2, seed=7) == Plan(
        Step(Cut(), at=0.276057, for_=0.302709), Step(Cut(), at=1.675285, for_=0.356569)
    )
    assert swizzle(LINKS, seed=7) == Plan(
        Step(Cut(), at=0.123154, for_=1.594075, link="c"),
        Step(Cut(), at=0.554338, for_=1.366965, link="a"),
        Step(Cut(), at=0.991713, for_=0.319141, link="e"),
    )


def test_a_plan_is_the_same_whatever_else_is_drawn():
    first = poisson(5, 3, seed=1), swizzle(LINKS, seed=1)
    chance.draw(1, 2, 3)
    poisson(50, 3, seed=1)
    swizzle(["x"], seed=1)
    assert (poisson(5, 3, seed=1), swizzle(LINKS, seed=1)) == first


def test_seeds_and_links_have_plans_of_their_own():
    assert len({poisson(5, 3, seed=seed) for seed in SEEDS}) == len(SEEDS)
    assert starts(poisson(5, 3, seed=1, link="a")) != starts(poisson(5, 3, seed=1, link="b"))
    assert {step.link for step in poisson(5, 3, seed=1, link="a").steps} == {"a"}
    assert len({swizzle(LINKS, seed=seed) for seed in SEEDS}) == len(SEEDS)


def test_the_order_in_which_links_are_named_does_not_matter():
    assert swizzle(reversed(LINKS), seed=3) == swizzle(LINKS, seed=3)


def test_the_gaps_of_a_poisson_plan_are_exponential():
    # Over 40 s, less than 1 in 80 of the gaps of 0.5 s is cut off by the end.
    plans = [[0.0, *starts(poisson(2, 40, seed=seed))] for seed in SEEDS]
    gaps = [after - before for times in plans for before, after in pairwise(times)]
    assert len(gaps) == pytest.approx(80 * len(SEEDS), rel=0.02)
    assert statistics.mean(gaps) == pytest.approx(0.5, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(0.5, rel=0.05)  # the same as the mean
    for part, share in (0.1, 0.181), (0.3466, 0.5), (1.0, 0.865), (2.0, 0.982):  # 1 - exp(-2 * part)
        assert sum(gap <= part for gap in gaps) / len(gaps) == pytest.approx(share, abs=0.01)


def test_a_poisson_plan_has_a_step_however_rare_they_are_and_all_start_within_its_time():
    plans = [poisson(0.01, 2, seed=seed) for seed in SEEDS]
    assert {len(plan.steps) for plan in plans} <= {1, 2}
    assert all(0 <= at < 2 for plan in plans for at in starts(plan))
    assert statistics.mean(starts(plan)[0] for plan in plans) == pytest.approx(1.0, rel=0.1)  # nearly uniform


def test_how_long_the_faults_of_a_poisson_plan_last():
    lengths = [step.for_ for seed in range(200) for step in poisson(2, 5, seed=seed).steps]
    assert 0.05 <= min(lengths) < 0.06
    assert 0.49 < max(lengths) <= 0.5
    assert statistics.mean(lengths) == pytest.approx(0.275, rel=0.05)
    assert {step.for_ for step in poisson(5, 5, for_=0.2, seed=1).steps} == {0.2}
    assert {step.for_ for step in poisson(5, 5, fault=Reset(), seed=1).steps} == {None}
    assert {step.fault for step in poisson(5, 5, fault=Flap(cycles=1), seed=1).steps} == {Flap(cycles=1)}
    assert {step.fault for step in poisson(5, 5, fault=Delay(1), seed=1).steps} == {Delay(1)}


def test_a_swizzle_takes_half_of_the_links_down_and_then_brings_them_back():
    for seed in SEEDS:
        planned = swizzle(LINKS, within=2, seed=seed).steps
        assert len({step.link for step in planned}) == 3
        assert [step.at for step in planned] == sorted(step.at for step in planned)
        assert all(
            0 <= step.at <= 1 <= step.at + step.for_ + 1e-6 and step.at + step.for_ <= 2 + 1e-6 for step in planned
        )


def test_a_swizzle_picks_each_link_and_each_order_alike():
    plans = [swizzle(LINKS, seed=seed) for seed in SEEDS]
    picked = [step.link for plan in plans for step in plan.steps]
    for link in LINKS:
        assert picked.count(link) == pytest.approx(600, rel=0.15)
    back = [sorted(plan.steps, key=lambda step: step.at + step.for_) for plan in plans]
    same = sum([*plan.steps] == order for plan, order in zip(plans, back, strict=True))
    assert same == pytest.approx(1000 / 6, rel=0.3)  # one of the 3! orders


def test_a_swizzle_of_one_link_and_of_another_fault():
    assert [step.link for step in swizzle(["a"], seed=1).steps] == ["a"]
    assert {step.fault for step in swizzle(LINKS, fault=Stall(), seed=1).steps} == {Stall()}


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: poisson(0, 1, seed=1), ValueError, r"^rate must be above 0 and up to 1e\+06, not 0$"),
        (lambda: poisson("2", 1, seed=1), TypeError, r"^rate must be a number, not '2'$"),
        (lambda: poisson(1, 0, seed=1), ValueError, r"^within must be above 0"),
        (
            lambda: poisson(100, 10, seed=1),
            ValueError,
            r"^rate=100 within=10 seconds would be some 1,000 steps; at most 500 are planned$",
        ),
        (lambda: poisson(1, 1, for_=(2, 1), seed=1), ValueError, r"^for_ must be a \(shortest, longest\) pair"),
        (lambda: poisson(1, 1, for_=0, seed=1), ValueError, r"^for_ must be above 0"),
        (lambda: poisson(1, 1, for_=1, fault=Reset(), seed=1), TypeError, r"^reset\(\) is over as soon"),
        (lambda: poisson(1, 1, fault=Cut, seed=1), TypeError, r"did you mean Cut\(…\)\?$"),
        (lambda: poisson(1, 1, seed=-1), ValueError, r"^seed must be a whole number from 0 to \d+, not -1$"),
        (lambda: poisson(1, 1, seed=1.5), TypeError, r"^seed must be a whole number, not 1\.5$"),
        (lambda: poisson(1, 1, seed=True), TypeError, r"^seed must be a whole number, not True$"),
        (lambda: swizzle([], seed=1), TypeError, r"^links must be names of links, such as \['a', 'b'\], not \[\]$"),
        (lambda: swizzle("db", seed=1), TypeError, r"^links must be names of links, .* not 'db'$"),
        (lambda: swizzle(["a", 1], seed=1), TypeError, r"^links must be names of links"),
        (lambda: swizzle(["a", "b", "a"], seed=1), ValueError, r"^links has 'a' twice$"),
        (lambda: swizzle(["a"], fault=Reset(), seed=1), TypeError, r"^reset\(\) is over as soon"),
        (lambda: swizzle(["a"], within=-1, seed=1), ValueError, r"^within must be above 0"),
        (lambda: swizzle(["a"], seed="1"), TypeError, r"^seed must be a whole number, not '1'$"),
    ],
)
def test_bad_values_are_refused_by_name(make, error, said):
    with pytest.raises(error, match=said):
        make()
