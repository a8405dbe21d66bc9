from __future__ import annotations

import os
import socket
from itertools import islice
from types import SimpleNamespace
from typing import ClassVar

import pytest

from pytest_netchaos.engines.ports import listen
from pytest_netchaos.relay import control
from pytest_netchaos.relay.control import Relay
from pytest_netchaos.relay.handed import HandedPorts
from pytest_netchaos.relay.wire import Lines, encode


class Proxy:
    """Notes what it is told."""

    only_notes = False

    def __init__(self, *arguments):
        self.arguments = arguments
        self.calls = []

    def close(self):
        self.calls.append("close")

    def count_all(self):
        self.calls.append("count_all")


class Schedule:
    made: ClassVar = []

    def __init__(self, _, emit, proxy, fault, on_over):
        self.emit, self.proxy, self.fault, self.on_over = emit, proxy, fault, on_over
        self.fails_with = None
        self.made.append(self)

    def begin(self):
        self.emit("on", self.fault.id)

    def cancel(self):
        if self.fails_with is not None:
            raise self.fails_with
        self.emit("off", self.fault.id)
        self.on_over()


@pytest.fixture
def made(loop, sockets, monkeypatch):
    monkeypatch.setattr(control, "Proxy", Proxy)
    monkeypatch.setattr(control, "Schedule", Schedule)
    monkeypatch.setattr(Schedule, "made", [])
    channel, ours = sockets.pair()
    relay = Relay(loop, channel, lambda _: HandedPorts())
    relay._proxies[1] = Proxy()
    lines = Lines()

    def ask(*commands, fds=()):
        """Send commands; return what comes back, without the times of the answers."""
        data = b"".join(encode(*command) for command in commands)
        socket.send_fds(ours, [data], list(fds)) if fds else ours.sendall(data)
        relay._event(control.IN)
        while loop._ready:
            loop._ready.popleft()()
        relay.flush()
        ours.setblocking(False)
        try:
            return [m[:2] if m[0] == "ok" else m for m in lines.feed(ours.recv(1 << 20))]
        except BlockingIOError:
            return []

    return SimpleNamespace(relay=relay, ask=ask, proxy=relay._proxies[1], schedules=Schedule.made, ours=ours)


def fault(request, id_, *, windows=("once", "inf"), seed=7, kind="cut", toxicity=1.0):
    return ("fault", request, 1, id_, seed, kind, "both", toxicity, "", *windows)


def test_a_command_is_answered_after_the_events_that_it_caused(made):
    assert made.ask(fault(3, 1)) == [["on", "1"], ["ok", "3"]]
    assert made.ask(("heal", 4, 1, 1)) == [["off", "1"], ["ok", "4"]]
    assert made.ask(("heal", 5, 1, 1)) == [["ok", "5"]], "it is over already"


def test_commands_are_carried_out_in_order(made):
    assert made.ask(("sync", 1), fault(2, 1), ("sync", 3)) == [["ok", "1"], ["on", "1"], ["ok", "2"], ["ok", "3"]]
    assert made.proxy.calls == ["count_all", "count_all"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("dance", 1), "ValueError: no such command: 'dance'"),
        (("dance",), "ValueError: no such command: 'dance'"),
        (("sync", 1, "more"), "TypeError: "),
        (("unlink", 1, "x"), "ValueError: "),
        (("unlink", 1, 99), "LookupError: there is no link '99'"),
        (("link", 1, 2), "TypeError: "),
        (("link", 1, 2, ""), "LookupError: a link needs 2 descriptors, and 0 came along"),
        (fault(1, 1, kind="dance"), "ValueError: no such fault: 'dance'"),
        (fault(1, 1, toxicity="x"), "ValueError: "),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_the_reason(made, command, why):
    ((kind, request, reason),) = made.ask(command)
    assert (kind, request) == ("no", str(command[1]) if len(command) > 1 else "")
    assert reason.startswith(why)
    assert made.ask(("sync", 2)) == [["ok", "2"]]


def test_a_fault_is_made_as_it_was_ordered(made):
    made.ask(("fault", 1, 1, 9, 7, "delay", "upstream", 0.5, "0.2,0.1", "once", 1.5))
    (schedule,) = made.schedules
    each = schedule.fault
    assert (each.id, each.kind, each.direction, each.toxicity, each.values) == (9, "delay", "upstream", 0.5, (0.2, 0.1))
    assert (each.seed, list(each.windows)) == (7, [(0.0, 1.5)])
    assert schedule.proxy is made.proxy


def test_a_flap_has_its_cycles_or_no_end(made):
    made.ask(fault(1, 1, windows=("flap", 1, 1, 2, 2, 3)), fault(2, 2, windows=("flap", 1, 1, 2, 2, 0)))
    assert list(made.schedules[0].fault.windows) == [(0, 1), (3, 4), (6, 7)]
    assert len(list(islice(made.schedules[1].fault.windows, 100))) == 100


def test_two_flaps_of_a_link_are_not_in_step(made):
    windows = ("flap", 0.1, 1, 0.1, 1, 5)
    made.ask(fault(1, 1, windows=windows), fault(2, 2, windows=windows))
    first, second = (list(schedule.fault.windows) for schedule in made.schedules)
    assert first != second


def test_a_link_is_made_of_the_descriptors_that_came_along(made):
    pair = listen("127.0.0.1", 0)
    command = ("link", 1, 2, "127.0.0.2,::1", "4", "127.0.0.1", 80, "u", "/run/x", 0)
    replies = made.ask(command, fds=[sock.fileno() for sock in pair])
    assert replies == [["ok", "1"]]
    _, _, _, id_, listener, keeper, addresses, background = made.relay._proxies[2].arguments
    assert (id_, background) == (2, {"127.0.0.2", "::1"})
    assert addresses == [(socket.AF_INET, ("127.0.0.1", 80)), (socket.AF_UNIX, "/run/x")]
    for sock, copy in zip(pair, (listener, keeper._sock), strict=True):
        assert os.path.sameopenfile(sock.fileno(), copy.fileno())
        sock.close()
        copy.close()


def test_an_unlinked_link_is_healed_and_closed(made):
    made.ask(fault(1, 1), fault(2, 2))
    assert made.ask(("unlink", 3, 1)) == [["off", "1"], ["off", "2"], ["ok", "3"]]
    assert made.proxy.calls == ["close"]
    assert made.relay._proxies == {}


def test_a_link_is_closed_although_a_fault_cannot_be_healed(made):
    made.ask(fault(1, 1), fault(2, 2))
    made.schedules[0].fails_with = OSError("Too many open files")
    made.ask(("unlink", 3, 1))
    assert made.proxy.calls == ["close"]


def test_the_relay_ends_with_its_channel(made, loop):
    made.ours.close()
    loop.run(lambda: None)


def test_a_tap_is_asked_what_is_in_flight_and_told_to_gulp(made):
    made.proxy.only_notes = True
    made.proxy.in_flight = lambda: 12
    made.proxy.gulp = lambda *, on: made.proxy.calls.append(on)
    ((kind, _, *fields), answer) = made.ask(("flight", 1, 1))
    assert (kind, fields, answer) == ("flight", ["1", "12"], ["ok", "1"])
    assert made.ask(("gulp", 2, 1, 1), ("gulp", 3, 1, 0)) == [["ok", "2"], ["ok", "3"]]
    assert made.proxy.calls == [True, False]
