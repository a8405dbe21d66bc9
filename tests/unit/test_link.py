from __future__ import annotations

import asyncio
import math
import time

import pytest
import trio

from pytest_netchaos.addresses import UrlDefaults
from pytest_netchaos.errors import EngineDied, EngineError, LinkClosed, WaitTimeout
from pytest_netchaos.faults import (
    Blackhole,
    Close,
    Cut,
    Delay,
    Flap,
    IdleTimeout,
    Limit,
    Refuse,
    Reset,
    Slice,
    Stall,
    Throttle,
)
from pytest_netchaos.injection import Injection
from pytest_netchaos.link import Link
from pytest_netchaos.triggers import OnDial


@pytest.fixture
def link(engine_link):
    return Link("db", "127.0.0.1:5432", engine_link, timeout=0.01)


def dial_and_serve(engine_link, dial=1):
    engine_link.tell("dialled", time.monotonic(), "127.0.0.1:9")
    engine_link.tell("opened", time.monotonic(), dial)


def test_where_clients_dial(link):
    assert (link.address, link.host, link.port) == (("127.0.0.1", 4000), "127.0.0.1", 4000)


@pytest.mark.parametrize(
    ("host", "arguments", "url"),
    [
        ("127.0.0.1", ("http",), "http://127.0.0.1:4000"),
        ("127.0.0.1", ("redis", "/0"), "redis://127.0.0.1:4000/0"),
        ("127.0.0.1", ("redis", "0"), "redis://127.0.0.1:4000/0"),
        ("127.0.0.1", ("ws", ""), "ws://127.0.0.1:4000"),
        ("::1", ("http",), "http://[::1]:4000"),
        ("::1", ("ws", "a/b?c=d"), "ws://[::1]:4000/a/b?c=d"),
    ],
)
def test_urls(make_engine_link, host, arguments, url):
    assert Link("db", "x:1", make_engine_link(host=host), 1).url(*arguments) == url


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        (("redis",), "redis://u:p%40@127.0.0.1:4000/5"),
        (("redis", "/0"), "redis://u:p%40@127.0.0.1:4000/0"),
        (("redis", "7"), "redis://u:p%40@127.0.0.1:4000/7"),
        (("redis", ""), "redis://u:p%40@127.0.0.1:4000"),
    ],
)
def test_urls_have_what_the_server_needs_and_the_path_that_is_asked_for(make_engine_link, arguments, url):
    link = Link("db", "x:1", make_engine_link(), 1, UrlDefaults("u:p%40", "/5"))
    assert link.url(*arguments) == url
    assert "p%40" not in repr(link)


@pytest.mark.parametrize(
    ("inject", "fault", "for_"),
    [
        (lambda link: link.cut(), Cut(), None),
        (lambda link: link.cut(for_=0.5), Cut(), 0.5),
        (lambda link: link.reset(toxicity=0.5), Reset(toxicity=0.5), None),
        (lambda link: link.close(toxicity=0.5), Close(toxicity=0.5), None),
        (lambda link: link.refuse(for_=1), Refuse(), 1),
        (lambda link: link.stall(direction="upstream", toxicity=0.1, for_=2),
         Stall(direction="upstream", toxicity=0.1), 2),
        (lambda link: link.blackhole(direction="downstream", toxicity=0.1, for_=2),
         Blackhole(direction="downstream", toxicity=0.1), 2),
        (lambda link: link.delay(0.2), Delay(0.2), None),
        (lambda link: link.delay(0.2, 0.1, direction="upstream", toxicity=0.1, for_=3),
         Delay(0.2, 0.1, direction="upstream", toxicity=0.1), 3),
        (lambda link: link.throttle(1000, direction="upstream", toxicity=0.1, for_=3),
         Throttle(1000, direction="upstream", toxicity=0.1), 3),
        (lambda link: link.slice(100), Slice(100), None),
        (lambda link: link.slice(100, 20, 0.5, direction="upstream", toxicity=0.1, for_=3),
         Slice(100, 20, 0.5, direction="upstream", toxicity=0.1), 3),
        (lambda link: link.limit(0), Limit(0), None),
        (lambda link: link.limit(10, direction="downstream", toxicity=0.1, for_=3),
         Limit(10, direction="downstream", toxicity=0.1), 3),
        (lambda link: link.idle_timeout(60), IdleTimeout(60), None),
        (lambda link: link.idle_timeout(0.5, toxicity=0.1, for_=3), IdleTimeout(0.5, toxicity=0.1), 3),
        (lambda link: link.flap(), Flap(), None),
        (lambda link: link.flap(0.1, (0.2, 0.3), 4, fault=Stall()), Flap(0.1, (0.2, 0.3), 4, Stall()), None),
        (lambda link: link.inject(Delay(1), for_=86_400), Delay(1), 86_400),
    ],
)  # fmt: skip
def test_each_verb_injects_its_fault(link, engine_link, inject, fault, for_):
    injection = inject(link)
    assert isinstance(injection, Injection)
    assert injection.fault == fault
    assert engine_link.calls == [("inject", fault, for_)]
    assert link.faults == (injection,)


@pytest.mark.parametrize(
    ("inject", "error", "complaint"),
    [
        (lambda link: link.delay(-1), ValueError, "latency must be from 0 to 86400, not -1 "),
        (lambda link: link.delay("1"), TypeError, "latency must be a number, not '1'"),
        (lambda link: link.delay(0.1, 0.2), ValueError, "jitter must not exceed latency (0.1), not 0.2"),
        (lambda link: link.throttle(0), ValueError, "rate must be above 0 and up to 1e+12, not 0 "),
        (lambda link: link.slice(0), ValueError, "size must be from 1 to 1099511627776 bytes, not 0"),
        (lambda link: link.slice(10, 10), ValueError, "variation must be less than size (10), not 10"),
        (lambda link: link.slice(10, pause=-1), ValueError, "pause must be from 0 to 86400, not -1"),
        (lambda link: link.limit(1.0), TypeError, "count must be a whole number of bytes, not 1.0"),
        (lambda link: link.idle_timeout(0), ValueError, "timeout must be above 0 and up to 86400, not 0 "),
        (lambda link: link.stall(direction="up"), ValueError, "direction must be one of "),
        (lambda link: link.blackhole(toxicity=2), ValueError, "toxicity must be from 0 to 1, not 2"),
        (lambda link: link.reset(toxicity=None), TypeError, "toxicity must be a number, not None"),
        (lambda link: link.close(toxicity=-1), ValueError, "toxicity must be from 0 to 1, not -1"),
        (lambda link: link.flap(down=0), ValueError, "down must be above 0 and up to 86400, not 0 "),
        (lambda link: link.flap(up=(2, 1)), ValueError, "up must be a (shortest, longest) pair, not (2, 1)"),
        (lambda link: link.flap(cycles=0), ValueError, "cycles must be a whole number from 1 to "),
        (lambda link: link.flap(fault=Flap()), TypeError, "fault must be a fault that can be repeated"),
        (lambda link: link.inject("cut"), TypeError, "fault must be a fault such as Cut() or Delay(0.2), not 'cut'"),
        (lambda link: link.inject(Cut), TypeError, "; did you mean Cut(…)?"),
        (lambda link: link.inject(None), TypeError, "fault must be a fault such as Cut() or Delay(0.2), not None"),
        (lambda link: link.inject(Reset(), for_=1), TypeError, ("reset() is over as soon as it has happened, so there "
         "is nothing for for_=1 to end; to keep clients away for a while, use cut(for_=…)")),
        (lambda link: link.inject(Close(), for_=1), TypeError, "close() is over as soon as it has happened"),
        (lambda link: link.inject(Flap(), for_=1), TypeError, ("flap() ends after its cycles, or when healed: it takes "
         "no for_=1")),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name_and_value_before_anything_happens(link, engine_link, inject, error, complaint):
    with pytest.raises(error) as caught:
        inject(link)
    assert complaint in str(caught.value)
    assert engine_link.calls == []
    assert link.faults == ()


@pytest.mark.parametrize(
    "verb", ["cut", "refuse", "stall", "blackhole", "delay", "throttle", "slice", "limit", "idle_timeout"]
)
@pytest.mark.parametrize(
    ("for_", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (86_401, ValueError),
        (math.nan, ValueError),
        ("1", TypeError),
        (True, TypeError),
    ],
)
def test_every_verb_refuses_what_is_no_time_to_last(link, engine_link, verb, for_, error):
    arguments = {"delay": [0.1], "throttle": [1000], "slice": [10], "limit": [10], "idle_timeout": [1]}.get(verb, [])
    with pytest.raises(error, match=rf"^for_ must be .*, not {for_!r}"):
        getattr(link, verb)(*arguments, for_=for_)
    assert engine_link.calls == []


VERBS = {
    "cut": [], "reset": [], "close": [], "refuse": [], "stall": [], "blackhole": [], "delay": [0.1], "throttle": [1000],
    "slice": [10], "limit": [10], "idle_timeout": [1], "flap": [], "inject": [Cut()],
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_a_trigger(link, engine_link, verb):
    injection = getattr(link, verb)(*VERBS[verb], when=OnDial(2))
    assert engine_link.calls == [("inject", injection.fault, None, OnDial(2))]
    assert injection.when == OnDial(2)
    assert repr(link).endswith(f": {injection.fault} armed for dial 2>")
    link.heal()
    assert repr(link).endswith(": healthy>")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("when", [OnDial, 2, "dial 2", Cut()])
def test_every_verb_refuses_what_is_no_trigger(link, engine_link, verb, when):
    with pytest.raises(
        TypeError, match=r"^when must be a trigger such as OnConnection\(2\) or AfterBytes\(1000\), not "
    ):
        getattr(link, verb)(*VERBS[verb], when=when)
    assert (engine_link.calls, link.faults) == ([], ())


def test_a_trigger_that_the_engine_refuses_leaves_nothing(link, engine_link):
    engine_link.fails_with["inject"] = ValueError("it has passed")
    with pytest.raises(ValueError, match=r"^it has passed$"):
        link.cut(when=OnDial(1))
    assert link.faults == ()


@pytest.mark.parametrize("fault", [0, "", ()])
def test_what_a_flap_repeats_must_be_a_fault_even_if_it_is_false(link, fault):
    with pytest.raises(TypeError, match=r"^fault must be a fault that can be repeated"):
        link.flap(fault=fault)


def test_the_picture_of_a_link(link):
    assert repr(link) == "<link 'db' 127.0.0.1:4000 to 127.0.0.1:5432: healthy>"
    delay, _ = link.delay(0.2), link.cut()
    assert repr(link).endswith(": delay(latency=0.2), cut()>")
    delay.heal()
    assert repr(link).endswith(": cut()>")
    link.heal()
    assert repr(link).endswith(": healthy>")
    link.shut()
    assert repr(link).endswith(": closed>")


def test_a_fault_that_is_over_by_itself_is_not_in_the_picture(link, engine_link):
    link.reset()
    link.cut(for_=0.1)
    engine_link.tell("healed", time.monotonic(), 2)
    engine_link.tell("over", 2)
    assert repr(link).endswith(": healthy>")


def test_heal_takes_back_what_was_not_healed_yet(link, engine_link):
    first, second = link.cut(), link.stall()
    first.heal()
    at = link.heal()
    assert at == second.heal()
    assert [call for call in engine_link.calls if call[0] == "heal"] == [("heal", 1), ("heal", 2)]
    assert link.heal() >= at, "nothing to heal: now"


def test_what_was_seen(link, engine_link):
    dial_and_serve(engine_link)
    engine_link.log.troubles.append("no port")
    assert [dial.outcome for dial in link.dials] == ["served"]
    assert [connection.number for connection in link.connections] == [1]
    assert link.history().link == "db"
    assert link.troubles == ("no port",)
    asked = len(engine_link.calls)
    assert link.recall().dials[0] == link.dials[0]
    assert len(engine_link.calls) == asked + 1, "recall() asks nobody"


def test_waiting_returns_what_was_waited_for(link, engine_link):
    dial_and_serve(engine_link)
    engine_link.tell("dialled", time.monotonic(), "p")
    assert link.wait_for_connection().number == 1
    assert link.wait_for_dial(2).number == 2
    assert link.wait_for_dial().number == 1
    engine_link.tell("opened", time.monotonic(), 2)
    assert link.wait_for_connection(2).number == 2
    assert len(link.wait_for(lambda history: len(history.dials) == 2).dials) == 2
    assert len(link.wait_history(lambda _: True, 0.0).dials) == 2


def test_waiting_is_woken_by_what_happens(link, engine_link, in_thread):
    result = in_thread(lambda: link.wait_for_connection(timeout=30))
    assert engine_link.waiting.wait(10)
    dial_and_serve(engine_link)
    assert result().number == 1


@pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run], ids=["asyncio", "trio"])
def test_each_wait_has_an_async_twin(link, engine_link, run):
    dial_and_serve(engine_link)

    async def main():
        assert (await link.wait_for_connection_async()).number == 1
        assert (await link.wait_for_dial_async()).number == 1
        engine_link.tell("dialled", time.monotonic(), "p")
        assert (await link.wait_for_dial_async(2)).number == 2
        assert (await link.wait_for_async(lambda history: history.connections)).connections
        assert (await link.wait_history_async(lambda _: True, 0.0)).connections
        with pytest.raises(WaitTimeout, match="for connection 2;"):
            await link.wait_for_connection_async(2)
        with pytest.raises(WaitTimeout, match="for dial 3;"):
            await link.wait_for_dial_async(3)
        with pytest.raises(WaitTimeout, match="for never;"):
            await link.wait_for_async(never)

    run(main)


def never(history):
    return False


def test_waiting_in_vain_tells_what_came_instead(link, engine_link):
    dial_and_serve(engine_link)
    engine_link.tell("dialled", time.monotonic(), "p")
    engine_link.tell("refused", time.monotonic(), 2, "cut")
    with pytest.raises(WaitTimeout) as caught:
        link.wait_for_connection(2)
    assert str(caught.value) == (
        "link 'db' to 127.0.0.1:5432: waited 0.01 s for connection 2; it has seen 2 dials and 1 connections; "
        "the last dials: served, refused (cut)"
    )
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(WaitTimeout, match=r"waited 0\.02 s for dial 3;"):
        link.wait_for_dial(3, timeout=0.02)
    with pytest.raises(WaitTimeout, match="for never;"):
        link.wait_for(never, 0)


def test_waiting_on_an_untouched_link_tells_so_and_what_is_out_of_sight(link, engine_link):
    with pytest.raises(WaitTimeout, match=r"it has seen 0 dials and 0 connections; the last dials: none$"):
        link.wait_for_dial()
    engine_link.log.blind = "half of them"
    link.cut()
    with pytest.raises(WaitTimeout, match=r"none \(half of them\)$"):
        link.wait_for_dial()


@pytest.mark.parametrize(("timeout", "error"), [(-1, ValueError), (math.inf, ValueError), ("1", TypeError)])
@pytest.mark.parametrize("wait", ["wait_for_connection", "wait_for_dial"])
def test_what_is_no_timeout_is_refused(link, wait, timeout, error):
    with pytest.raises(error, match=rf"^timeout must be .*, not {timeout!r}"):
        getattr(link, wait)(timeout=timeout)


@pytest.mark.parametrize("n", [0, -1])
@pytest.mark.parametrize("wait", ["wait_for_connection", "wait_for_dial"])
def test_the_first_one_is_number_1(link, engine_link, wait, n):
    dial_and_serve(engine_link)
    dial_and_serve(engine_link, 2)
    with pytest.raises(ValueError, match=rf"^n must be .*, not {n!r}"):
        getattr(link, wait)(n)


def test_a_closed_link_can_be_read_and_nothing_else(link, engine_link):
    dial_and_serve(engine_link)
    link.cut()
    link.shut()
    link.shut()
    assert engine_link.calls == [("inject", Cut(), None), ("close",)]
    last = link.history()
    dial_and_serve(engine_link, 2)
    assert link.history() is link.recall() is link.wait_history(never, math.inf) is last
    assert len(link.connections) == 1
    for use in (link.cut, link.reset, link.wait_for_connection, link.wait_for_dial):
        with pytest.raises(LinkClosed, match="on link 'db', which is closed: a link lives as long as the test"):
            use()
    with pytest.raises(LinkClosed, match=r"^stall\(\) on link"):
        link.stall()


def test_a_link_is_closed_even_if_the_engine_is_dead(link, engine_link):
    engine_link.fails_with["close"] = EngineDied("gone")
    with pytest.raises(EngineDied):
        link.shut()
    assert repr(link).endswith(": closed>")
    link.shut()


def test_heal_takes_back_the_others_although_one_refuses(link, engine_link, monkeypatch):
    cut, stall = link.cut(), link.stall()
    monkeypatch.setattr(cut, "heal", lambda: engine_link._call("no"))
    engine_link.fails_with["no"] = EngineError("the port can't be opened again")
    with pytest.raises(EngineError):
        link.heal()
    assert stall.was_healed
