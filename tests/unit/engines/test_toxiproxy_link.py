"""A link's faults, with a relay of our own and a Toxiproxy that fails as the test says."""

from __future__ import annotations

import socket

import pytest

from pytest_netchaos.engines import embedded
from pytest_netchaos.engines.embedded import EmbeddedEngine, listen
from pytest_netchaos.engines.toxiproxy_link import ToxiproxyLink
from pytest_netchaos.errors import EngineError, UnsupportedFault
from pytest_netchaos.faults import Blackhole, Cut, Delay, Flap, Refuse, Stall
from pytest_netchaos.linklog import LinkLog


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

    def enable(self, *, enabled):
        self._note("enable" if enabled else "disable")

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
    listener, keeper = listen("127.0.0.1", 0)
    inner = socket.create_server(("127.0.0.1", 0))
    with listener, keeper, inner:
        made = ToxiproxyLink(relay, LinkLog("db"), listener.getsockname(), 7, FakeProxy())
        nowhere = ("4", "127.0.0.1", 1)
        relay.carry(made, "tap", ("", *nowhere, *nowhere), (listener, keeper, inner))
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


def test_a_black_hole_is_switched_off_and_used_again(link):
    for _ in range(2):
        link.heal(link.inject(Blackhole(direction="upstream"), None))
    name = "timeout_upstream_1"
    assert link._proxy.names == [f"add {name}", f"set {name} 0.0", f"set {name} 1.0", f"set {name} 0.0"]


def test_the_proxy_is_enabled_when_the_last_cut_is_healed(link):
    first, second = link.inject(Cut(), None), link.inject(Cut(), None)
    link.heal(first)
    assert is_refused(link)
    link.heal(second)
    assert not is_refused(link)
    assert link._proxy.names == ["disable", "disable", "enable"]


@pytest.mark.parametrize("fault", [Refuse(), Flap(fault=Refuse())])
def test_what_it_can_not_do_leaves_no_trace(link, fault):
    with pytest.raises(UnsupportedFault):
        link.inject(fault, None)
    assert link._proxy.calls == []
    assert link._rhythms == {}
    assert link.history().faults == ()


def test_a_cut_that_can_not_be_made_is_taken_back(link):
    link._proxy.failures["disable"] = [True]
    with pytest.raises(EngineError, match="can't disable"):
        link.inject(Cut(), None)
    assert not is_refused(link)
    assert link._rhythms == {}
    link.heal(link.inject(Cut(), None))
    assert not is_refused(link)


def test_a_fault_of_which_half_can_not_be_made_is_taken_back(link):
    link._proxy.failures["add"] = [False, True]
    with pytest.raises(EngineError, match="can't add"):
        link.inject(Stall(), None)
    assert link._proxy.names[-1] == "remove bandwidth_upstream_1"
    assert link.history().faults == ()


@pytest.mark.parametrize(
    ("fault", "verb"), [(Cut(), "enable"), (Delay(0.1), "remove"), (Blackhole(), "set")], ids=["cut", "delay", "hole"]
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
