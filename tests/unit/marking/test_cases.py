from __future__ import annotations

import pytest

from pytest_netchaos.faults import Blackhole, Cut, Delay, Flap, Slice, Stall, Throttle
from pytest_netchaos.marking.cases import cases, named, runs_of, varies
from pytest_netchaos.marking.marker import Part, Wish


def part(value):
    return Part((Delay(0.2),), value) if isinstance(value, str) else Part((value,))


def wish(*items, **options):
    parts = tuple(tuple(map(part, item)) if isinstance(item, list) else part(item) for item in items)
    return Wish(parts, **options)


def ids(*wishes):
    return [case.id for case in cases(wishes)]


def test_a_list_is_a_case_for_each_entry():
    made = list(cases([wish(["2g", Cut()], Delay(1))]))
    assert [(case.id, case.run, case.runs) for case in made] == [("2g", 0, 0), ("cut", 0, 0)]
    assert [case.standings[0].faults for case in made] == [(Delay(0.2), Delay(1)), (Cut(), Delay(1))]


def test_two_lists_are_each_pair_the_nearest_first():
    assert ids(wish(["2g", "3g"]), wish(["lte", "edge"])) == ["2g-lte", "2g-edge", "3g-lte", "3g-edge"]
    assert ids(wish(["2g", "3g"], [Cut(), Stall()])) == ["2g-cut", "2g-stall", "3g-cut", "3g-stall"]


def test_each_marker_has_its_own_standing():
    (case, _) = cases([wish(Flap(), links=("db",)), wish(["2g", "3g"]), wish(runs=None)])
    assert [(standing.faults, standing.links) for standing in case.standings] == [
        ((Flap(),), ("db",)), ((Delay(0.2),), None), ((), None),
    ]  # fmt: skip


def test_runs_are_numbered_from_one_and_come_last():
    assert ids(wish(runs=3)) == ["run1", "run2", "run3"]
    assert ids(wish(["2g", "3g"], runs=2)) == ["2g-run1", "2g-run2", "3g-run1", "3g-run2"]
    assert [(case.run, case.runs) for case in cases([wish(runs=2)])] == [(1, 2), (2, 2)]


def test_the_nearest_runs_count():
    assert runs_of([wish(Cut()), wish(runs=2), wish(runs=5)]) == 2
    assert runs_of([wish(Cut())]) == 0


def test_a_plain_marker_is_no_case_of_many():
    assert not varies([wish(Cut()), wish("2g")])
    assert varies([wish(Cut()), wish(["2g"])])
    assert varies([wish(Cut(), runs=1)])


@pytest.mark.parametrize(
    ("fault", "id_"),
    [
        (Cut(), "cut"),
        (Delay(0.2), "delay-0.2"),
        (Delay(0.2, jitter=0.1), "delay-0.2-jitter0.1"),
        (Delay(0.2, direction="upstream", toxicity=0.5), "delay-toxicity0.5-upstream-0.2"),
        (Throttle(1000, direction="downstream"), "throttle-downstream-1000"),
        (Stall(direction="upstream"), "stall-upstream"),
        (Blackhole(toxicity=0.5), "blackhole-toxicity0.5"),
        (Slice(3, pause=0.1), "slice-3-pause0.1"),
        (Flap(), "flap"),
        (Flap(down=0.2, up=(1, 2.5), cycles=3), "flap-down0.2-up1..2.5-cycles3"),
        (Flap(fault=Delay(0.2)), "flap-delay-0.2"),
    ],
)
def test_the_id_of_a_fault_can_be_typed_without_quotes(fault, id_):
    assert [name for name, _ in named([part(fault)])] == [id_]
    assert not set(id_) & set(" '\"()[]:*?$")


def test_ids_are_never_the_same():
    entries = [part(Delay(0.2)), Part((Delay(0.5),), "delay-0.2"), Part(plan="x"), Part(plan="y")]
    assert [name for name, _ in named(entries)] == ["delay-0.2-1", "delay-0.2-2", "plan3", "plan4"]
