from __future__ import annotations

import asyncio
import itertools
import time
import warnings
import weakref

import pytest
import trio

from pytest_netchaos.errors import WaitTimeout
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.delivery import at_most_once, exactly_once
from pytest_netchaos.patience import eventually, eventually_async

LONG = 30.0

LOOPS = pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])


class Answers:
    """A condition that gives its answers one after the other, and the last one for ever."""

    def __init__(self, *answers):
        self.asked = 0
        self.times = []
        self._answers = answers

    def __call__(self):
        self.times.append(time.monotonic())
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def timed_out(*arguments, **options):
    with pytest.raises(WaitTimeout) as caught:
        eventually(*arguments, **options)
    return str(caught.value).splitlines()


# What holds


def test_what_holds_already_is_asked_once_and_returned():
    condition = Answers("value")
    assert eventually(condition, LONG) == "value"
    assert condition.asked == 1


@pytest.mark.parametrize("not_yet", [False, 0, None, [], AssertionError("no")], ids=repr)
def test_it_asks_until_the_answer_is_true(not_yet):
    condition = Answers(not_yet, not_yet, ["value"])
    assert eventually(condition, LONG) == ["value"]
    assert condition.asked == 3


def test_a_matcher_judges_again_and_again():
    ledger = Ledger()
    ledger.sent(1, at=0.0)
    ticks = itertools.count()
    ledger._clock = lambda: ledger.delivered(1, at=0.0) or 0.0 if next(ticks) == 3 else 0.0
    assert eventually(exactly_once(), LONG, of=ledger) is True
    assert len(ledger.record().deliveries) == 1


def test_exceptions_that_are_ignored_mean_not_yet():
    condition = Answers(ConnectionError("one"), LookupError("two"), AssertionError("three"), True)
    assert eventually(condition, LONG, ignoring=(ConnectionError, LookupError)) is True
    assert eventually(Answers(ConnectionRefusedError(), 7), LONG, ignoring=ConnectionError) == 7


@pytest.mark.parametrize("error", [LookupError("broken"), WaitTimeout("another wait")], ids=repr)
def test_any_other_exception_ends_the_wait(error):
    condition = Answers(False, error)
    with pytest.raises(type(error)) as caught:
        eventually(condition, LONG, ignoring=TimeoutError if isinstance(error, LookupError) else ())
    assert caught.value is error
    assert condition.asked == 2


# How often


def test_it_is_asked_once_more_when_the_time_is_up():
    condition = Answers(False, True)
    assert eventually(condition, 0.0005) is True
    begin = time.monotonic()
    timed_out(condition := Answers(False), 0.05)
    assert condition.times[-1] >= begin + 0.05


def test_no_time_at_all_is_one_question():
    condition = Answers(False)
    timed_out(condition, 0)
    assert condition.asked == 1


def test_the_pauses_grow():
    """A machine that stalls makes a pause longer, and never shorter; so the number of questions has an upper bound."""
    condition = Answers(False)
    timed_out(condition, 0.3)
    assert condition.asked <= 52, "10 in the first 10 ms, and then one for each tenth more"
    pauses = [after - before for before, after in itertools.pairwise(condition.times)]
    waited = [at - condition.times[0] for at in condition.times]
    assert all(pause >= min(0.001, 0.3 - at) for pause, at in zip(pauses, waited, strict=False))
    assert all(pause >= at * 0.1 for pause, at in zip(pauses[:-1], waited, strict=False))


# What it says


def test_a_lambda_is_shown_with_what_it_returned():
    received = [1, 2]
    lines = timed_out(lambda: len(received) == 3, 0)
    assert lines[0] == "waited 0 s for a condition, and asked once"
    assert lines[1].startswith("  test_patience.py:")
    assert lines[1].endswith(": lines = timed_out(lambda: len(received) == 3, 0)")
    assert lines[2:] == ["it returned False last"]


def test_a_function_is_named_and_what_it_asserted_is_shown_with_its_line():
    def three_have_come():
        received = [1, 2]
        assert len(received) == 3

    lines = timed_out(three_have_come, 0)
    assert lines[0] == "waited 0 s for three_have_come, and asked once"
    assert lines[1].endswith(": def three_have_come():")
    assert lines[2:-1] == ["it raised AssertionError: assert 2 == 3 last", " +  where 2 = len([1, 2])"]
    assert lines[-1].endswith(": assert len(received) == 3")


def test_a_function_of_asserts_that_returns_nothing_is_told_what_is_missing():
    def holds():
        assert True

    assert timed_out(holds, 0)[2] == "it returned None last: a function of asserts has to end with `return True`"


def test_a_message_says_what_is_waited_for():
    lines = timed_out(Answers(False), 0.005, message="bob to see the last tick")
    assert lines[0].startswith("waited 0.005 s for bob to see the last tick, and asked ")
    assert lines[0].endswith(" times")
    assert lines[1:] == ["it returned False last"]


def test_an_ignored_exception_is_shown_by_name():
    lines = timed_out(Answers(ConnectionRefusedError(111, "Connection refused")), 0, ignoring=OSError, message="it")
    assert lines[1:] == ["it raised ConnectionRefusedError: [Errno 111] Connection refused last"]


def test_what_a_matcher_says_is_shown_whole():
    ledger = Ledger()
    ledger.sent(1)
    assert timed_out(exactly_once(), 0, of=ledger) == [
        "waited 0 s for exactly_once() of <ledger: 1 sent, 0 delivered>, and asked once",
        *exactly_once().explain(ledger),
    ]


def test_what_is_long_is_cut_to_pytests_eight_lines():
    def long():
        raise AssertionError("\n".join(f"line {n}" for n in range(100)))

    lines = timed_out(long, 0)
    assert len(lines) == 8
    assert lines[2:4] == ["it raised AssertionError: line 0 last", "line 1"]
    assert lines[-1].endswith(': raise AssertionError("\\n".join(f"line {n}" for n in range(100)))')
    assert timed_out(Answers(()), 0)[1] == "it returned () last"
    assert len(timed_out(Answers(type("Long", (), {"__bool__": bool, "__repr__": lambda _: "x" * 999})()), 0)[1]) < 130


# What is refused


@LOOPS
def test_it_does_not_stop_an_event_loop(run):
    async def main():
        with pytest.raises(RuntimeError, match=r"would stop the event loop .* use `await eventually_async\(…\)`$"):
            eventually(lambda: pytest.fail("asked"))

    run(main)


def test_an_asynchronous_condition_is_sent_to_the_twin():
    async def condition():
        return True

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError, match=r"^the condition is asynchronous: use `await eventually_async\(…\)`$"):
            eventually(condition)


@pytest.mark.parametrize("within", [-1, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_refused(within):
    with pytest.raises(ValueError, match=r"^within must be "):
        eventually(lambda: True, within)


@pytest.mark.parametrize("condition", [True, None, "x"])
def test_what_is_no_condition_is_refused(condition):
    with pytest.raises(
        TypeError, match=r"^condition must be a function without arguments, .*: what is compared before"
    ):
        eventually(condition)


@pytest.mark.parametrize("ignoring", [KeyboardInterrupt, "x", (OSError, 3), [OSError]])
def test_what_cannot_be_ignored_is_refused(ignoring):
    with pytest.raises(TypeError, match=r"^ignoring must be a class of exceptions, or a tuple of some, not "):
        eventually(lambda: True, ignoring=ignoring)


def test_a_matcher_needs_something_that_it_judges():
    with pytest.raises(TypeError, match=r"^exactly_once\(\) has nothing to judge: eventually\(exactly_once\(\), of="):
        eventually(exactly_once())
    with pytest.raises(TypeError, match=r"^at_most_once\(\) judges a ledger, .*not 'int'$"):
        eventually(at_most_once(), of=3)
    with pytest.raises(TypeError, match=r"^of=3 is for matchers, such as exactly_once\(\): a condition is none$"):
        eventually(lambda: True, of=3)


# In a coroutine


@LOOPS
def test_the_event_loop_goes_on_meanwhile(run):
    received = []

    async def main():
        if run is trio.run:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(receive, trio.sleep)
                return await eventually_async(lambda: len(received) == 3 and received, LONG)
        task = asyncio.create_task(receive(asyncio.sleep))
        got = await eventually_async(lambda: len(received) == 3 and received, LONG)
        await task
        return got

    async def receive(pause):
        for n in range(3):
            received.append(n)
            await pause(0)

    assert run(main) == [0, 1, 2]


@LOOPS
def test_an_asynchronous_condition_is_awaited(run):
    answers = Answers(0, AssertionError(), ConnectionError(), "value")

    async def condition():
        return answers()

    async def main():
        return await eventually_async(condition, LONG, ignoring=ConnectionError)

    assert run(main) == "value"
    assert answers.asked == 4


@LOOPS
def test_a_coroutine_is_told_the_same(run):
    async def none_has_come():
        return []

    async def main():
        with pytest.raises(WaitTimeout) as caught:
            await eventually_async(none_has_come, 0)
        return str(caught.value).splitlines()

    lines = run(main)
    assert lines[0] == "waited 0 s for none_has_come, and asked once"
    assert lines[1].endswith(": async def none_has_come():")
    assert lines[2] == "it returned [] last"


@LOOPS
def test_a_condition_that_never_answers_is_cancelled_in_time(run):
    asked = []

    async def hangs():
        asked.append("asked")
        if len(asked) == 1:
            return False
        try:
            await (trio.Event() if run is trio.run else asyncio.Event()).wait()
        finally:
            asked.append("ended")

    async def main():
        with pytest.raises(WaitTimeout) as caught:
            await eventually_async(hangs, 0.02)
        return str(caught.value).splitlines()

    lines = run(main)
    assert lines[0] == "waited 0.02 s for hangs, and asked 2 times"
    assert lines[2:] == [
        "it had not answered when the time was up, and was cancelled",
        "before that, it returned False last",
    ]
    assert asked == ["asked", "asked", "ended"]


@LOOPS
def test_a_time_out_of_the_conditions_own_is_its_own(run):
    async def condition():
        raise TimeoutError("mine")

    async def main():
        await eventually_async(condition, LONG)

    with pytest.raises(TimeoutError, match=r"^mine$"):
        run(main)


def test_it_can_be_cancelled_under_asyncio():
    async def main():
        task = asyncio.create_task(eventually_async(lambda: False, LONG))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_it_can_be_cancelled_under_trio():
    async def main():
        with trio.CancelScope() as scope:
            scope.cancel()
            await eventually_async(lambda: False, LONG)
        return scope.cancelled_caught

    assert trio.run(main)


@LOOPS
def test_a_matcher_is_judged_in_a_coroutine_too(run):
    ledger = Ledger()
    ledger.sent(1)

    async def main():
        with pytest.raises(WaitTimeout, match=r"(?s)^waited 0 s for exactly_once\(\) of .*1 lost"):
            await eventually_async(exactly_once(), 0, of=ledger)
        ledger.delivered(1)
        return await eventually_async(exactly_once(), 0, of=ledger)

    assert run(main) is True


class Unsayable(AssertionError):
    def __bool__(self):
        return False

    def __str__(self):
        raise ZeroDivisionError

    __repr__ = __str__


def test_an_answer_that_cannot_be_written_is_waited_for_all_the_same():
    answers = Answers(Unsayable(), 3)
    assert eventually(answers, LONG) == 3
    with pytest.raises(WaitTimeout, match=r"it returned <Unsayable: ZeroDivisionError in its repr\(\)> last"):
        eventually(Unsayable, 0)


def test_an_error_that_cannot_be_written_is_waited_for_all_the_same():
    asked = []

    def condition():
        asked.append(True)
        if len(asked) == 1:
            raise Unsayable
        return True

    assert eventually(condition, LONG)


def test_an_answer_is_written_only_when_the_time_is_up():
    written = []

    class Empty:
        def __len__(self):
            return 0

        def __repr__(self):
            written.append(True)
            return "Empty()"

    with pytest.raises(WaitTimeout, match=r"(?s)asked \d+ times.*it returned Empty\(\) last"):
        eventually(Empty, 0.01)
    assert written == [True]


def test_an_error_that_was_raised_keeps_nothing_alive_that_its_frames_knew():
    class Big:
        pass

    seen = []

    def condition():
        if seen:
            return seen[0]() is None
        big = Big()
        seen.append(weakref.ref(big))
        raise AssertionError

    assert eventually(condition, 0.5)
