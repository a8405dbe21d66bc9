from __future__ import annotations

import re

import pytest

from pytest_netchaos.faults import Blackhole, Cut, Delay, Flap, Refuse, Reset, Stall, Throttle
from pytest_netchaos.marking.marker import (
    LARGEST_SEED,
    Part,
    Standing,
    Wish,
    check_together,
    faults_on,
    parse,
    seed_of,
)
from pytest_netchaos.plan import Plan, Step

PROFILES = {"slow": (Delay(0.2), Throttle(1000)), "far": (Delay(0.3),)}
SLOW = Part(PROFILES["slow"], "slow")


def lookup(name):
    if name not in PROFILES:
        raise ValueError(f"there is no profile {name!r}")
    return PROFILES[name]


def wish(*conditions, **options):
    return parse(conditions, options, lookup)


def fault(value):
    return Part((value,))


def test_faults_and_profiles_come_in_the_order_in_which_they_were_written():
    said = wish(Cut(), "slow", Delay(0.1), links="db", seed=7)
    assert said == Wish((fault(Cut()), SLOW, fault(Delay(0.1))), ("db",), 7, None)
    standing = said.standing()
    assert standing.faults == (Cut(), Delay(0.2), Throttle(1000), Delay(0.1))
    assert (standing.links, standing.seed, standing.profiles) == (("db",), 7, {"slow"})


def test_a_list_is_one_after_the_other():
    said = wish(["slow", Cut()], Delay(0.1))
    assert said.lists == ((SLOW, fault(Cut())),)
    assert said.standing([fault(Cut())]).faults == (Cut(), Delay(0.1))
    assert said.standing([SLOW]).faults == (Delay(0.2), Throttle(1000), Delay(0.1))


def test_runs_alone_repeats_a_test():
    assert wish(runs=3) == Wish((), None, None, 3)


@pytest.mark.parametrize("links", ["db", ["db", "cache"], ("db",)])
def test_links(links):
    assert wish(Cut(), links=links).links == ((links,) if isinstance(links, str) else tuple(links))


@pytest.mark.parametrize(
    ("conditions", "options", "error", "said"),
    [
        ((), {}, TypeError, "it names no fault: give it one, such as Delay(0.2) or Flap(), or a profile, "),
        ((), {"seed": 3}, TypeError, "it names no fault: "),
        ((Delay, Cut()), {}, TypeError, "Delay is a class: write Delay(…)"),
        (([Delay],), {}, TypeError, "Delay is a class: write Delay(…)"),
        ((3,), {}, TypeError, "it takes faults such as Delay(0.2) and names of profiles, not 3"),
        ((("slow", Cut()),), {}, TypeError, "it takes faults such as Delay(0.2) and names of profiles, not ('slow',"),
        (("fast",), {}, ValueError, "there is no profile 'fast'"),
        ((Reset(),), {}, ValueError, "reset() is over as soon as it has happened"),
        (([],), {}, ValueError, "a list in it is empty, so the test would never run"),
        ((["slow", "slow"],), {}, ValueError, "a list in it has 'slow' twice"),
        (([Cut(), Cut()],), {}, ValueError, "a list in it has cut() twice"),
        ((), {"fault": Delay(1)}, TypeError,
         "give it without a name: flaky_network(Delay(toxicity=1.0, direction='both', latency=1, "),
        ((), {"profile": "slow"}, TypeError, "give it without a name: flaky_network('slow'), not "),
        ((Cut(),), {"delay": Cut()}, TypeError, "give it without a name: flaky_network(Cut()), not "),
        ((Cut(),), {"run": 3}, TypeError, "it takes faults and profiles, links=, seed=, runs=, and no run=3"),
        ((Cut(),), {"seed": -1}, ValueError, f"seed must be a whole number from 0 to {LARGEST_SEED}, not -1"),
        ((Cut(),), {"seed": LARGEST_SEED + 1}, ValueError, "seed must be a whole number from 0 to "),
        ((Cut(),), {"seed": True}, TypeError, "seed must be a whole number, not True"),
        ((Cut(),), {"seed": 1.0}, TypeError, "seed must be a whole number, not 1.0"),
        ((Cut(),), {"runs": 0}, ValueError, "runs must be a whole number from 1 to 100000, not 0"),
        ((Cut(),), {"runs": -2}, ValueError, "runs must be a whole number from 1 to 100000, not -2"),
        ((Cut(),), {"runs": 100_001}, ValueError, "runs must be a whole number from 1 to 100000, not 100001"),
        ((Cut(),), {"runs": "3"}, TypeError, "runs must be a whole number, not '3'"),
        ((Cut(),), {"links": []}, TypeError, "links must be the name of a link, or a list of names, not []"),
        ((Cut(),), {"links": ["a", "b", "a"]}, ValueError, "links has 'a' twice"),
        ((Cut(),), {"links": [""]}, TypeError, "links must be the name of a link, or a list of names, not ['']"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(conditions, options, error, said):
    with pytest.raises(error) as caught:
        parse(conditions, options, lookup)
    assert str(caught.value).startswith(said)


WALLS = [Cut(), Refuse(), Stall(), Blackhole()]


@pytest.mark.parametrize("wall", WALLS)
def test_beside_what_lets_nothing_through_there_is_nothing(wall):
    check_together([wish(wall).standing()])
    for pair in ((wall, Delay(0.1)), (Delay(0.1), wall)):
        said = (
            f"{wall} has no end and lets nothing through, so nothing could be seen of delay(latency=0.1) on the same "
            f"links: leave one of them out, or give it an end, such as Flap(fault={type(wall).__name__}())"
        )
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            check_together([wish(*pair).standing()])


def test_what_lets_something_through_may_have_others_beside_it():
    check_together([wish(Stall(direction="upstream"), Blackhole(toxicity=0.5), Flap(), Delay(0.1)).standing()])


def test_what_is_wrong_together_is_wrong_over_several_markers():
    with pytest.raises(ValueError, match=r"^cut\(\) has no end .* nothing could be seen of 'slow' on the same"):
        check_together([wish("slow").standing(), wish(Cut()).standing()])
    with pytest.raises(ValueError, match=r"^'slow' is there twice, for the same links$"):
        check_together([wish("slow").standing(), wish("slow", links="db").standing()])
    with pytest.raises(ValueError, match=r"^delay\(latency=0.1\) is there twice, for the same links$"):
        check_together([wish(Delay(0.1), Delay(0.1)).standing()])


def test_links_that_no_two_markers_share_have_nothing_to_do_with_each_other():
    check_together([wish(Cut(), links="db").standing(), wish("slow", links=["cache", "web"]).standing()])


def test_two_profiles_or_two_delays_compose():
    check_together([wish("slow", "far", Delay(0.2), Delay(0.1), Throttle(5), Throttle(6)).standing()])


def test_the_faults_of_a_link_are_those_of_all_markers_that_hit_it():
    standings = [wish("slow").standing(), wish(Flap(), links="db").standing()]
    assert list(faults_on("db", standings)) == [*PROFILES["slow"], Flap()]
    assert list(faults_on("web", standings)) == [*PROFILES["slow"]]


def test_the_runs_profile_comes_to_what_the_markers_say_but_not_twice():
    of_run = [wish("slow", "far").standing()]
    assert list(faults_on("db", [wish(Flap()).standing()], of_run)) == [Flap(), *PROFILES["slow"], *PROFILES["far"]]
    assert list(faults_on("db", [wish("slow").standing()], of_run)) == [*PROFILES["slow"], *PROFILES["far"]]
    elsewhere = [wish("slow", links="web").standing()]
    assert list(faults_on("db", elsewhere, of_run)) == [*PROFILES["slow"], *PROFILES["far"]]


def test_the_nearest_seed_counts():
    assert seed_of([Standing(()), Standing((), seed=0), Standing((), seed=5)]) == 0
    assert seed_of([Standing(())]) is None


def test_a_plan_is_taken_beside_faults():
    plan = Plan(Step(Cut(), at=1, link="db"))
    standing = wish(plan, Delay(0.1)).standing()
    assert (standing.plans, standing.faults) == ((plan,), (Delay(0.1),))
    assert str(standing.parts[0]) == repr(plan)
    assert standing.names == {"db"}
    assert wish(plan, links=["db", "web"]).standing().names == {"db", "web"}


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (Step(Cut(), at=1), TypeError, r"^it takes plans, which are made of steps: Plan\(Step\(Cut\(\), at=1\)\)$"),
        (Plan, TypeError, r"^it takes plans: Plan\(Step\(Cut\(\), at=0\.5, for_=0\.2\)\)$"),
        (
            [Plan(Step(Cut(), at=1, link="db"))],
            ValueError,
            r"^its plan has a step for link 'db', which links=\['web'\] leaves out$",
        ),
    ],
)
def test_what_is_no_plan_or_for_another_link_is_refused(value, error, said):
    with pytest.raises(error, match=said):
        wish(value, links="web")
