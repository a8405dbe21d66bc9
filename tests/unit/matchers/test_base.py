from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys

import pytest
import trio

from pytest_netchaos import matchers
from pytest_netchaos.faults import Cut, Reset
from pytest_netchaos.history import Connection, Dial, Dials, FaultSpan, History
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers import (
    Live,
    assertrepr,
    at_least_once,
    at_most_once,
    backoff,
    check,
    check_async,
    exactly_once,
    reconnected,
)

HEAL = 1.0


def history(now, *opened, heal=HEAL):
    """A link that was cut and healed, with connections that opened at these times."""
    connections = [Connection(n, n, at) for n, at in enumerate(opened, 1) if at <= now]
    dials = [Dial(c.number, c.opened_at, "served", connection=c.number) for c in connections]
    spans = (FaultSpan(Cut(), 0.5, heal if heal is not None and heal <= now else None),)
    return History("shop", now, Dials(dials), tuple(connections), spans)


class FakeLink:
    """A link whose time goes on in steps, and only while somebody waits."""

    def __init__(self, *opened, now=HEAL, heal=HEAL, step=0.25):
        self.now, self.opened, self.heal, self.step = now, opened, heal, step
        self.waits = []

    def history(self):
        return history(self.now, *self.opened, heal=self.heal)

    def wait_history(self, enough, until):
        self.waits.append(until)
        while not enough(self.history()) and self.now < until:
            self.now += self.step
        return self.history()

    async def wait_history_async(self, enough, until):
        await asyncio.sleep(0)
        return self.wait_history(enough, until)


class StoppedLink(FakeLink):
    """A link of a test that is over: its history has come to an end."""

    def wait_history(self, _, until):
        self.waits.append(until)
        assert len(self.waits) < 3, "waits for ever"
        return self.history()


def test_a_link_satisfies_the_protocol():
    assert isinstance(FakeLink(), Live)


@pytest.mark.parametrize("actual", [history(1.0), Ledger(), "link", None])
def test_what_has_no_history_does_not(actual):
    assert not isinstance(actual, Live)


def test_a_match_holds_from_either_side():
    assert history(2.0, 1.5) == reconnected(1.0)
    assert reconnected(1.0) == history(2.0, 1.5)


def test_a_mismatch_holds_from_either_side():
    assert history(3.0) != reconnected(1.0)
    assert reconnected(1.0) != history(3.0)


@pytest.mark.parametrize("actual", ["shop", None, 7, Ledger()])
def test_a_foreign_type_is_unequal_and_raises_nothing(actual):
    assert (actual == reconnected(1.0), actual != reconnected(1.0)) == (False, True)


@pytest.mark.parametrize(
    ("matcher", "actual", "said"),
    [
        (reconnected(1.0), "shop", "reconnected(within=1.0) judges a link, or the history of one, not 'str'"),
        (backoff(0.1), None, "backoff(first=0.1) judges a link, its dials, or its history, not 'NoneType'"),
        (exactly_once(), {}, "exactly_once() judges a ledger, not 'dict'"),
    ],
)
def test_a_foreign_type_is_explained(matcher, actual, said):
    assert matcher.explain(actual) == [said]
    assert matcher.deadline(actual) is None
    assert assertrepr("==", actual, matcher) == [said]
    with pytest.raises(AssertionError) as caught:
        check(actual, matcher)
    assert str(caught.value) == said


def test_a_ledger_does_not_judge_a_link():
    assert FakeLink(1.5) != exactly_once()
    assert exactly_once().explain(FakeLink()) == ["exactly_once() judges a ledger, not 'FakeLink'"]


@pytest.mark.parametrize(
    ("matcher", "said"),
    [
        (reconnected(1.0), "reconnected(within=1.0)"),
        (reconnected(within=2, after=7.5), "reconnected(within=2, after=7.5)"),
        (reconnected(within=2, after=59914.034571489), "reconnected(within=2, after=59914.035)"),
        (reconnected(1, after=FaultSpan(Cut(), 1.0)), "reconnected(within=1, after=<cut>)"),
        (backoff(0.1), "backoff(first=0.1)"),
        (backoff(0.1, 2.0, None, 0.0, late=0.25), "backoff(first=0.1)"),
        (backoff(0.1, 3, 1.0, 0.5, late=0), "backoff(first=0.1, factor=3, cap=1.0, jitter=0.5, late=0)"),
        (at_most_once(), "at_most_once()"),
        (at_least_once(in_order=True), "at_least_once(in_order=True)"),
        (exactly_once(in_order=False), "exactly_once()"),
    ],
)
def test_its_repr_is_the_call_that_makes_it(matcher, said):
    assert repr(matcher) == said


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (reconnected(1.0), reconnected(within=1.0), True),
        (reconnected(1.0), reconnected(2.0), False),
        (exactly_once(), exactly_once(), True),
        (exactly_once(), exactly_once(in_order=True), False),
        (exactly_once(), at_least_once(), False),
        (reconnected(1.0), backoff(1.0), False),
    ],
)
def test_matchers_are_equal_if_they_say_the_same(one, other, same):
    assert (one == other) is same
    assert (len({one, other}) == 1) is same


def test_a_matcher_cannot_be_changed():
    with pytest.raises(AttributeError):
        reconnected(1.0).within = 2.0


def test_a_comparison_waits_for_a_reconnect():
    link = FakeLink(1.5)
    assert link == reconnected(1.0)
    assert (link.now, link.waits) == (1.5, [2.0])


def test_a_comparison_waits_no_longer_than_until_the_deadline():
    link = FakeLink(5.0)
    assert link != reconnected(1.0)
    assert (link.now, link.waits) == (2.0, [2.0])


@pytest.mark.parametrize(
    "link",
    [
        pytest.param(FakeLink(1.25, now=3.0), id="reconnected already"),
        pytest.param(FakeLink(now=2.0), id="time is up"),
        pytest.param(FakeLink(heal=None), id="not healed"),
    ],
)
def test_a_final_verdict_is_not_waited_for(link):
    _ = link == reconnected(1.0)
    assert link.waits == []


def test_a_history_is_not_waited_for():
    assert history(1.5, 1.75) != reconnected(1.0)


def test_another_fault_ends_the_wait():
    class CutAgain(FakeLink):
        def history(self):
            seen = super().history()
            again = (FaultSpan(Cut(), 1.25, 1.5 if self.now >= 1.5 else None),) if self.now >= 1.25 else ()
            return History("shop", self.now, seen.dials, seen.connections, seen.faults + again)

    link = CutAgain(2.25)
    assert link != reconnected(1.0)
    assert link.now == 1.25


def test_a_deadline_that_moves_on_is_waited_for_again():
    class ResetAgain(FakeLink):
        def history(self):
            seen = super().history()
            again = (FaultSpan(Reset(), 1.5, 1.5),) if self.now >= 1.5 else ()
            return History("shop", self.now, seen.dials, seen.connections, seen.faults + again)

    link = ResetAgain(2.25)
    assert link == reconnected(1.0)
    assert (link.now, link.waits) == (2.25, [2.0, 2.5])


def test_a_fault_that_ends_a_little_before_its_time_is_waited_for():
    class EndsEarly(FakeLink):
        def history(self):
            span = FaultSpan(Cut(), 0.5, 1.75 if self.now >= 1.75 else None, until=2.0)
            return dataclasses.replace(history(self.now, 2.25), faults=(span,))

    link = EndsEarly(now=1.0)
    assert link == reconnected(within=1.0)
    assert link.waits == [3.0, 2.75]


def test_a_link_that_is_over_is_not_waited_for_for_ever():
    link = StoppedLink()
    assert link != reconnected(1.0)
    assert link.waits == [2.0]


LATE = "link 'shop' did not reconnect in the 0.000s after the heal: reconnected(within=1.0)"
HINT = [
    "judged 1.000s before its time was up: to wait would stop the event loop of this thread",
    "use `await check_async(link, reconnected(within=1.0))`",
]


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_in_an_event_loop_it_judges_at_once_and_says_what_to_do(run):
    link = FakeLink(1.5)

    async def compare():
        return link == reconnected(1.0), assertrepr("==", link, reconnected(1.0))

    # trio.run takes a function and asyncio.run a coroutine.
    equal, said = run(compare if run is trio.run else compare())
    assert (equal, link.waits) == (False, [])
    assert said[0] == LATE
    assert said[-2:] == HINT


def test_in_an_event_loop_check_judges_at_once_and_says_what_to_do():
    async def compare():
        check(FakeLink(1.5), reconnected(1.0))

    with pytest.raises(AssertionError) as caught:
        asyncio.run(compare())
    assert str(caught.value).splitlines()[-2:] == HINT


@pytest.mark.parametrize("actual", [FakeLink(now=2.0), FakeLink(heal=None), history(1.0)])
def test_in_an_event_loop_a_final_verdict_has_no_hint(actual):
    async def compare():
        return assertrepr("==", actual, reconnected(1.0))

    assert not any("check_async" in line for line in asyncio.run(compare()))


def test_without_an_event_loop_there_is_no_hint():
    assert not any("check_async" in line for line in assertrepr("==", FakeLink(), reconnected(1.0)))


def test_check_is_silent_about_a_match():
    link = FakeLink(1.5)
    check(link, reconnected(1.0))
    assert link.waits == [2.0]


def test_check_waits_and_explains_what_it_judged():
    with pytest.raises(AssertionError, match=r"^link 'shop' did not reconnect in the 1\.000s after the heal: reconn"):
        check(FakeLink(7.0), reconnected(1.0))


def test_check_async_waits_without_a_hint():
    link = FakeLink(1.5)
    asyncio.run(check_async(link, reconnected(1.0)))
    assert (link.now, link.waits) == (1.5, [2.0])


def test_check_async_explains_what_it_judged():
    link = FakeLink(7.0)
    with pytest.raises(AssertionError) as caught:
        asyncio.run(check_async(link, reconnected(1.0)))
    assert str(caught.value).splitlines() == [
        "link 'shop' did not reconnect in the 1.000s after the heal: reconnected(within=1.0)",
        "nobody has ever dialled link 'shop'",
    ]
    assert link.waits == [2.0]


def test_check_async_judges_what_is_not_live_too():
    with pytest.raises(AssertionError, match=r"^nothing was sent"):
        asyncio.run(check_async(Ledger(), exactly_once()))
    asyncio.run(check_async(history(2.0, 1.5), reconnected(1.0)))


def test_check_async_does_not_wait_for_ever():
    link = StoppedLink()
    with pytest.raises(AssertionError):
        asyncio.run(check_async(link, reconnected(1.0)))
    assert link.waits == [2.0]


def test_assertrepr_explains_from_either_side():
    assert assertrepr("==", history(3.0), reconnected(1.0)) == assertrepr("==", reconnected(1.0), history(3.0))
    assert assertrepr("==", history(3.0), reconnected(1.0))[0].startswith("link 'shop' did not reconnect")


def test_assertrepr_does_not_wait():
    link = FakeLink(1.5)
    assert assertrepr("==", link, reconnected(1.0))[0] == LATE
    assert link.waits == []


def test_assertrepr_of_what_holds_by_now_says_so():
    said = ["reconnected(within=1.0) holds by now, and did not when it was compared"]
    assert assertrepr("==", FakeLink(1.0), reconnected(1.0)) == said


def test_assertrepr_of_an_unwanted_match():
    assert assertrepr("!=", history(2.0, 1.5), reconnected(1.0)) == ["reconnected(within=1.0) holds, and should not"]


@pytest.mark.parametrize(
    ("op", "left", "right"),
    [
        ("==", 1, 2),
        ("in", history(1.0), reconnected(1.0)),
        ("is", history(1.0), reconnected(1.0)),
        ("==", reconnected(1.0), reconnected(2.0)),
    ],
)
def test_assertrepr_leaves_the_rest_to_pytest(op, left, right):
    assert assertrepr(op, left, right) is None


def test_the_public_names():
    assert matchers.__all__ == sorted(matchers.__all__)
    assert all(hasattr(matchers, name) for name in matchers.__all__)


def test_to_import_them_imports_nothing_heavy():
    heavy = {"asyncio", "json", "docker", "redis", "trio", "socket", "pytest"}
    program = f"import sys, pytest_netchaos.matchers; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_matcher_that_was_not_called_is_told():
    said = "exactly_once is not called: nothing equals it; write exactly_once(…)"
    assert assertrepr("==", Ledger(), exactly_once) == [said]
    assert assertrepr("==", exactly_once, Ledger()) == [said]
    with pytest.raises(TypeError) as caught:
        check(Ledger(), exactly_once)
    assert str(caught.value) == said
    with pytest.raises(TypeError, match=r"^matcher must be a matcher, such as reconnected\(within=1\.0\), not 3$"):
        check(Ledger(), 3)


def test_a_matcher_that_was_not_called_is_told_in_a_coroutine_too():
    with pytest.raises(TypeError, match="exactly_once is not called"):
        asyncio.run(check_async(Ledger(), exactly_once))


def test_the_class_of_a_matcher_may_be_compared():
    assert assertrepr("==", type(at_most_once()), exactly_once) is None
    assert assertrepr("is", Ledger(), exactly_once) is None
