"""A link's faults, with a relay of our own and a Toxiproxy that fails as the test says."""

from __future__ import annotations

import socket

import pytest

from pytest_netchaos.engines import embedded, toxiproxy_link
from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.engines.toxiproxy_link import ToxiproxyLink
from pytest_netchaos.errors import EngineError, UnsupportedFault
from pytest_netchaos.faults import Blackhole, Cut, Delay, Flap, Refuse, Stall, Throttle
from pytest_netchaos.linklog import LinkLog
from pytest_netchaos.triggers import OnConnection


class FakeProxy:
    """Takes note of what it is told; the n-th call of a name fails as ``failures`` says."""

    def __init__(self):
        self.calls = []
        self.failures = {}

    def _note(self, name, *arguments):
        self.calls.append((name, *arguments))
        if self.failures.get(name):
            fails = self.failures[name].pop(0)
            if fails:
                raise EngineError(f"can't {name}")

    def withdraw(self):
        self._note("withdraw")

    def restore(self):
        self._note("restore")

    def add_toxic(self, name, *_):
        self._note("add", name)

    def set_toxicity(self, name, toxicity):
        self._note("set", name, toxicity)

    def remove_toxic(self, name):
        self._note("remove", name)

    def delete(self):
        self._note("delete")

    @property
    def names(self):
        return [" ".join(map(str, call)) for call in self.calls]


@pytest.fixture(scope="module")
def relay():
    made = EmbeddedEngine()
    yield made
    made.stop()


@pytest.fixture
def link(relay):
    with relay.reserve("127.0.0.1", 0, "127.0.0.1") as reserved:
        made = ToxiproxyLink(relay, reserved.id, LinkLog("db"), reserved.address, 7, FakeProxy())
        nowhere = ("4", "127.0.0.1", 1)
        relay.carry(made, "tap", ("", *nowhere, *nowhere), reserved.sockets)
    yield made
    made.close()


def is_refused(link):
    try:
        socket.create_connection((link.host, link.port), 10).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # accepted: nobody listens behind it
    return False


def test_a_fault_is_added_and_removed_in_both_directions(link):
    link.heal(link.inject(Delay(0.1), None))
    names = "latency_upstream_1", "latency_downstream_2"
    assert link._proxy.names == [f"{verb} {name}" for verb in ("add", "remove") for name in names]
    assert link.history().faults[0].healed_at is not None


def test_a_trigger_is_refused_and_the_engine_that_can_is_named(link):
    with pytest.raises(
        UnsupportedFault, match=r"^cut\(\) when OnConnection\(n=2\): .* \(--netchaos-engine=embedded\)$"
    ):
        link.inject(Cut(), None, OnConnection(2))
    assert link._proxy.names == []
    assert link.history().armed == ()


def test_the_relay_has_no_trigger_on_a_tap(link):
    for trigger in (("connection", 1), ("bytes", 0, "upstream", 1)):
        with pytest.raises(EngineError, match=r"is a tap, whose faults have no trigger"):
            link._channel.request("fault", link.id, 9, 7, "cut", "both", 1.0, "", "once", "inf", "when", *trigger)


def test_a_black_hole_is_switched_off_and_used_again(link):
    for _ in range(2):
        link.heal(link.inject(Blackhole(direction="upstream"), None))
    name = "timeout_upstream_1"
    assert link._proxy.names == [f"add {name}", f"set {name} 0.0", f"set {name} 1.0", f"set {name} 0.0"]


def test_the_proxy_is_restored_when_the_last_cut_is_healed(link):
    first, second = link.inject(Cut(), None), link.inject(Cut(), None)
    link.heal(first)
    assert is_refused(link)
    link.heal(second)
    assert not is_refused(link)
    assert link._proxy.names == ["withdraw", "restore"]


def test_a_cut_takes_the_toxics_along_and_the_heal_of_the_last_one_brings_them_back(link):
    delay = link.inject(Delay(0.1, direction="upstream"), None)
    throttle = link.inject(Throttle(5000, direction="downstream"), None)
    link._proxy.calls.clear()
    link.heal(link.inject(Cut(), None))
    names = ["add latency_upstream_1", "add bandwidth_downstream_2"]
    assert link._proxy.names == ["withdraw", "restore", *names]
    link._proxy.calls.clear()
    link.heal(delay)
    link.heal(throttle)
    assert link._proxy.names == ["remove latency_upstream_1", "remove bandwidth_downstream_2"]


def test_during_a_cut_toxics_are_only_noted(link):
    gone = link.inject(Delay(0.1, direction="upstream"), None)
    cut = link.inject(Cut(), None)
    link._proxy.calls.clear()
    link.heal(gone)
    link.heal(link.inject(Blackhole(), None))
    stays = link.inject(Delay(0.2, direction="upstream"), None)
    assert link._proxy.calls == []
    assert [span.healed_at is None for span in link.history().faults] == [False, True, False, True]
    link.heal(cut)
    name = f"latency_upstream_{link._toxics_made}"
    assert link._proxy.names == ["restore", f"add {name}"]
    link.heal(stays)
    assert link._proxy.names[-1] == f"remove {name}"
    hole = link.inject(Blackhole(direction="upstream"), None)
    assert link._proxy.names[-1] == f"add timeout_upstream_{link._toxics_made}", "no idle one has outlived the cut"
    link.heal(hole)


def test_idle_toxics_do_not_outlive_a_cut(link):
    link.heal(link.inject(Blackhole(direction="upstream"), None))
    link.heal(link.inject(Cut(), None))
    link._proxy.calls.clear()
    link.heal(link.inject(Blackhole(direction="upstream"), None))
    assert link._proxy.names == ["add timeout_upstream_2", "set timeout_upstream_2 0.0"]


# What the relay does meanwhile


@pytest.fixture
def told(link, monkeypatch):
    """What the relay and the proxy are told, in order, without what is the same each time."""
    said = []
    request, note = link._channel.request, link._proxy._note

    def ask(name, *arguments):
        fields = {
            "fault": lambda: (arguments[3], arguments[4]),
            "heal": lambda: ("dam" if int(arguments[1]) < 0 else "",),
        }
        more = fields[name]() if name in fields else arguments[1:]
        said.append(" ".join(map(str, (name, *more))).strip())
        return request(name, *arguments)

    def noted(name, *arguments):
        said.append(" ".join(map(str, (name, *arguments))))
        note(name, *arguments)

    monkeypatch.setattr(link._channel, "request", ask)
    monkeypatch.setattr(link._proxy, "_note", noted)
    return said


def test_a_stall_is_the_relays_alone(link, told):
    link.heal(link.inject(Stall(direction="upstream"), None))
    assert told == ["fault stall upstream", "heal"]
    assert link._proxy.calls == []


def test_a_direction_that_is_empty_is_changed_without_a_dam(link, told):
    link.inject(Delay(0.1, direction="downstream"), None)
    told.clear()
    link.inject(Delay(0.1, direction="upstream"), None)
    assert told == ["gulp 1", "add latency_upstream_2", "gulp 0", "fault delay upstream"]


def test_a_direction_that_is_crowded_is_changed_behind_a_dam_when_nothing_is_in_flight(link, told):
    link.inject(Throttle(5000), None)
    told.clear()
    delay = link.inject(Delay(0.1, direction="upstream"), None)
    change = ["gulp 1", "add latency_upstream_3", "gulp 0"]
    assert told == ["fault dam upstream", "flight", *change, "heal dam", "fault delay upstream"]
    told.clear()
    link.heal(delay)
    change[1] = "remove latency_upstream_3"
    assert told == ["fault dam upstream", "flight", *change, "heal dam", "heal"]
    assert [span.fault.kind for span in link.history().faults] == ["throttle", "delay"], "dams are nobody's faults"


def test_it_waits_until_nothing_is_in_flight_but_not_for_ever(link, told, monkeypatch):
    link.inject(Throttle(5000, direction="upstream"), None)
    left = [2, 1, 0]
    event = link.event
    monkeypatch.setattr(
        link, "event", lambda kind, at, *f: event(kind, at, *((left.pop(0),) if kind == "flight" else f))
    )
    told.clear()
    delay = link.inject(Delay(0.1, direction="upstream"), None)
    assert (left, told.count("flight"), told.index("gulp 1")) == ([], 3, 4)
    monkeypatch.setattr(link, "event", lambda kind, at, *f: event(kind, at, *((9,) if kind == "flight" else f)))
    monkeypatch.setattr(toxiproxy_link, "_PATIENCE", 0.02)
    link.heal(delay)
    assert told[-1] == "heal"


def test_a_dam_is_taken_back_when_the_change_fails(link, told):
    link.inject(Throttle(5000), None)
    link._proxy.failures["add"] = [False, True]
    told.clear()
    with pytest.raises(EngineError, match="can't add"):
        link.inject(Delay(0.1), None)
    assert (
        sum(each.startswith("fault dam") for each in told) == told.count("heal dam") == 4
    )  # two to add, two to remove
    assert told.count("gulp 1") == told.count("gulp 0") == 2
    assert "remove latency_upstream_3" in told


@pytest.mark.parametrize("fault", [Refuse(), Flap(fault=Refuse())])
def test_what_it_can_not_do_leaves_no_trace(link, fault):
    with pytest.raises(UnsupportedFault):
        link.inject(fault, None)
    assert link._proxy.calls == []
    assert link._rhythms == {}
    assert link.history().faults == ()


def test_a_cut_that_can_not_be_made_is_taken_back(link):
    link._proxy.failures["withdraw"] = [True]
    with pytest.raises(EngineError, match="can't withdraw"):
        link.inject(Cut(), None)
    assert not is_refused(link)
    assert link._rhythms == {}
    link.heal(link.inject(Cut(), None))
    assert not is_refused(link)


def test_a_fault_of_which_half_can_not_be_made_is_taken_back(link):
    link._proxy.failures["add"] = [False, True]
    with pytest.raises(EngineError, match="can't add"):
        link.inject(Throttle(5000), None)
    assert link._proxy.names[-1] == "remove bandwidth_upstream_1"
    assert (link._in_force, link._rhythms) == ({}, {})
    assert link.history().faults == ()


@pytest.mark.parametrize(
    ("fault", "verb"), [(Cut(), "restore"), (Delay(0.1), "remove"), (Blackhole(), "set")], ids=["cut", "delay", "hole"]
)
def test_a_heal_that_fails_may_be_tried_again(link, fault, verb):
    fault_id = link.inject(fault, None)
    link._proxy.failures[verb] = [True]
    with pytest.raises(EngineError, match=f"can't {verb}"):
        link.heal(fault_id)
    link.heal(fault_id)
    told = len(link._proxy.calls)
    link.heal(fault_id)
    assert len(link._proxy.calls) == told, "it is healed"
    assert not is_refused(link)
    assert all(len(names) == len(set(names)) == 1 for names in link._idle.values())


def test_what_fails_by_itself_is_a_trouble_of_the_link(link):
    link._proxy.failures["remove"] = [True]
    link.inject(Delay(0.1, direction="upstream"), 0.01)
    assert link.wait(lambda log: log.is_over(1), embedded.time.monotonic() + 10, lambda: False)
    assert link.log.troubles == ["can't remove"]


def test_closing_stops_what_is_to_come_and_deletes_the_proxy(relay, link):
    link.inject(Flap((0.001, 0.002), (0.001, 0.002), fault=Delay(0.1)), None)
    rhythm = link._rhythms[1]
    link.close()
    assert not rhythm._thread.is_alive()
    assert link._proxy.names[-1] == "delete"
    link.close = lambda: None  # it has been


def test_a_flap_has_its_cycles_in_the_history(link):
    fault_id = link.inject(Flap(0.002, 0.002, 3, Delay(0.1)), None)
    assert link.wait(lambda log: log.is_over(fault_id), embedded.time.monotonic() + 10, lambda: False)
    spans = link.history().faults
    assert [span.cycle for span in spans] == [1, 2, 3]
    assert spans[0].healed_at >= spans[0].started_at + 0.002
