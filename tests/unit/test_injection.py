from __future__ import annotations

import asyncio
import time

import pytest
import trio

from pytest_netchaos.errors import EngineError, NetchaosError, WaitTimeout
from pytest_netchaos.faults import Cut, Flap, Reset, Stall
from pytest_netchaos.injection import Injection
from pytest_netchaos.stretch import Stretch
from pytest_netchaos.triggers import OnConnection


@pytest.fixture
def inject(engine_link):
    return lambda fault=Cut(), for_=None: Injection(fault, "db", engine_link, for_, timeout=0.01)  # noqa: B008 - frozen


def test_an_injection_is_in_force_when_it_has_been_made(inject, engine_link):
    before = time.monotonic()
    fault = inject(Stall(), 0.5)
    assert engine_link.calls == [("inject", Stall(), 0.5)]
    assert before <= fault.at <= time.monotonic()
    assert (fault.fault, fault.link, fault.hits) == (Stall(), "db", (1, 2))
    assert fault.is_active
    assert not fault.was_healed
    assert repr(fault) == "<stall() on link 'db': in force>"


def test_an_engine_that_says_nothing_of_a_fault_is_not_believed(inject, engine_link):
    engine_link.is_silent = True
    with pytest.raises(EngineError, match=r"^link 'db': the engine says that cut\(\) is in force, and not since when$"):
        inject()


def test_heal_tells_when_it_was_no_longer_in_force(inject, engine_link):
    fault = inject()
    before = time.monotonic()
    at = fault.heal()
    assert before <= at <= time.monotonic()
    assert at == engine_link.log.span(1).healed_at
    assert fault.was_healed
    assert not fault.is_active
    assert repr(fault) == "<cut() on link 'db': over>"


def test_heal_is_harmless_when_repeated(inject, engine_link):
    fault = inject()
    assert fault.heal() == fault.heal()
    assert engine_link.calls.count(("heal", 1)) == 1


def test_a_heal_that_failed_can_be_tried_again(inject, engine_link):
    fault = inject()
    engine_link.fails_with["heal"] = EngineError("no")
    with pytest.raises(EngineError):
        fault.heal()
    assert not fault.was_healed
    engine_link.fails_with.clear()
    fault.heal()
    assert fault.was_healed


def test_a_block_heals_at_its_end_and_lets_its_error_through(inject):
    with inject() as fault:
        assert fault.is_active
    assert fault.was_healed
    with pytest.raises(LookupError), inject() as other:
        raise LookupError
    assert other.was_healed


def test_an_instant_fault_is_over_when_it_has_been_made(inject):
    fault = inject(Reset())
    assert not fault.is_active
    assert not fault.was_healed
    fault.wait(0)
    assert fault.heal() == fault.at


def test_each_injection_heals_itself_only(inject, engine_link):
    first, second = inject(), inject(Stall())
    first.heal()
    assert (first.is_active, second.is_active) == (False, True)


def test_wait_returns_when_it_is_over_by_itself(inject, engine_link, in_thread):
    fault = inject(Cut(), 0.5)
    result = in_thread(lambda: fault.wait(30))
    assert engine_link.waiting.wait(10)
    engine_link.tell("over", 1)
    assert result() is None
    assert not fault.was_healed
    assert not fault.is_active


@pytest.mark.parametrize("timeout", [None, 0, 0.02])
def test_wait_gives_up_in_time_and_says_what_would_end_it(inject, timeout):
    fault = inject(Flap())
    with pytest.raises(WaitTimeout, match=r"^flap\(\) on link 'db' is not over yet; to end it, call heal\(\)$"):
        fault.wait(timeout)
    assert fault.is_active


@pytest.mark.parametrize(("timeout", "error"), [(-1, ValueError), (float("nan"), ValueError), ("1", TypeError)])
def test_what_is_no_timeout_is_refused(inject, timeout, error):
    with pytest.raises(error, match=r"^timeout must be "):
        inject().wait(timeout)


@pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_wait_has_an_async_twin(inject, engine_link, run):
    async def main():
        with pytest.raises(WaitTimeout):
            await fault.wait_async()
        with pytest.raises(ValueError, match=r"^timeout must be "):
            await fault.wait_async(-1)
        fault.heal()
        await fault.wait_async()

    fault = inject()
    run(main)


def test_a_flap_is_in_force_since_its_first_cycle(inject, engine_link):
    engine_link.cycles_at_once = 3
    fault = inject(Flap(0.001, 0.001))
    assert fault.at == engine_link.history().faults[0].started_at


def test_an_injection_is_a_stretch_of_time(inject):
    fault = inject()
    assert isinstance(fault, Stretch)
    assert (fault.started_at, fault.healed_at) == (fault.at, None)
    assert fault.heal() == fault.healed_at


# Armed


@pytest.fixture
def armed(engine_link):
    return Injection(Cut(), "db", engine_link, 0.5, timeout=0.01, when=OnConnection(2))


def fire(engine_link):
    engine_link.tell("struck", 5.0, 1, 1, (2,))


def test_an_injection_with_a_trigger_is_armed_when_it_has_been_made(armed, engine_link):
    assert engine_link.calls[0] == ("inject", Cut(), 0.5, OnConnection(2))
    assert armed.when == OnConnection(2)
    assert (armed.has_fired, armed.is_active, armed.was_healed, armed.healed_at) == (False, False, False, None)
    assert armed.is_known_to_wait
    assert not armed.is_known_to_be_over
    assert repr(armed) == "<cut() on link 'db': armed, waits for connection 2>"


@pytest.mark.parametrize("name", ["at", "started_at", "hits"])
def test_before_it_has_fired_there_is_nothing_to_read_and_it_says_why(armed, engine_link, name):
    text = "cut() on link 'db' has not fired: it waits for connection 2; the link has seen no connection"
    with pytest.raises(NetchaosError) as caught:
        getattr(armed, name)
    assert str(caught.value) == text
    fire(engine_link)
    assert getattr(armed, name) == ((2,) if name == "hits" else 5.0)


def test_when_it_fires_it_is_as_any_other(armed, engine_link):
    fire(engine_link)
    assert (armed.has_fired, armed.is_active, armed.is_known_to_wait) == (True, True, False)
    assert repr(armed) == "<cut() on link 'db': in force>"
    armed.wait_fired(0)
    armed.heal()
    assert repr(armed) == "<cut() on link 'db': over>"
    assert armed.has_fired


def test_healed_while_it_waits_it_never_comes(armed, engine_link):
    before = time.monotonic()
    assert before <= armed.heal() <= time.monotonic()
    assert (armed.has_fired, armed.is_active, armed.was_healed) == (False, False, True)
    assert armed.is_known_to_be_over
    assert repr(armed) == "<cut() on link 'db': disarmed, it never fired>"
    with pytest.raises(NetchaosError, match=r"has not fired: it was healed while it waited for connection 2; the link"):
        armed.wait_fired(30)
    with armed as same:
        assert same is armed


def test_an_instant_fault_that_waits_is_not_over(engine_link):
    fault = Injection(Reset(), "db", engine_link, None, timeout=0.01, when=OnConnection(1))
    assert not fault.is_known_to_be_over
    fire(engine_link)
    assert fault.is_known_to_be_over


def test_wait_fired_returns_when_the_trigger_comes(armed, engine_link, in_thread):
    result = in_thread(lambda: armed.wait_fired(30))
    assert engine_link.waiting.wait(10)
    fire(engine_link)
    assert result() is None


def test_both_waits_give_up_in_time_and_say_what_was_seen(armed):
    text = r"^cut\(\) on link 'db' has not fired: it waits for connection 2; the link has seen no connection$"
    for wait in (armed.wait, armed.wait_fired):
        with pytest.raises(WaitTimeout, match=text):
            wait(0)
    with pytest.raises(ValueError, match=r"^timeout must be "):
        armed.wait_fired(-1)


@pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_wait_fired_has_an_async_twin(armed, engine_link, run):
    async def main():
        with pytest.raises(WaitTimeout):
            await armed.wait_fired_async()
        with pytest.raises(ValueError, match=r"^timeout must be "):
            await armed.wait_fired_async(-1)
        fire(engine_link)
        await armed.wait_fired_async()

    run(main)
