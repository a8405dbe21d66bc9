"""Any sequence of requests leaves the proxies that a few lines of Python say."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.fuzz.api_process import connect, quote, worker_host

NAMES = st.sampled_from(["a", "b", "with / and %", "ü"])
HOST = worker_host()
PORTS = (20001, 20002)
TAKEN = 20003
LISTENS = st.sampled_from([*(f"{HOST}:{port}" for port in PORTS), f"{HOST}:{TAKEN}", "127.0.0.1:0", ""])
TOXICS = {
    "latency": {"latency": 5, "jitter": 0},
    "bandwidth": {"rate": 100},
    "slow_close": {"delay": 1},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 5000},
    "slicer": {"average_size": 3, "size_variation": 1, "delay": 10},
    "limit_data": {"bytes": 10},
    "noop": {},
}
SHARES = st.sampled_from([0, 0.25, 0.5, 1])


class Proxies(RuleBasedStateMachine):
    api = None  # set by the test

    def __init__(self):
        super().__init__()
        self.model = {}

    @initialize()
    def begin(self):
        self.api.clear()

    # What the model says.

    def is_free(self, listen, name):
        """Whether a proxy of that name may listen there."""
        if is_ephemeral(listen):
            return True
        if listen == f"{HOST}:{TAKEN}":
            return False
        others = (proxy for other, proxy in self.model.items() if other != name)
        return not any(proxy["enabled"] and proxy["listen"] == listen for proxy in others)

    def put(self, name, listen, upstream, enabled, toxics):
        self.model[name] = {
            "name": name, "listen": listen, "upstream": upstream, "enabled": enabled, "toxics": toxics
        }  # fmt: skip

    def learn_port(self, name, said):
        """A free port is whichever it is."""
        if is_ephemeral(self.model[name]["listen"]) and self.model[name]["enabled"]:
            assert said["listen"].startswith("127.0.0.1:")
            self.model[name]["listen"] = said["listen"]

    # What can be asked.

    @rule(name=NAMES, listen=LISTENS, enabled=st.sampled_from([None, True, False]))
    def create(self, name, listen, enabled):
        body = {"name": name, "listen": listen, "upstream": self.api.upstream}
        if enabled is not None:
            body["enabled"] = enabled
        status, said = self.api.ask("POST", "/proxies", body)
        if name in self.model:
            assert status == 409, said
        elif enabled is not False and not self.is_free(listen, name):
            assert status == 500, said
        else:
            assert status == 201, said
            self.put(name, listen, self.api.upstream, enabled is not False, [])
            self.learn_port(name, said)

    @rule(
        name=NAMES,
        method=st.sampled_from(["POST", "PATCH"]),
        listen=st.none() | LISTENS,
        enabled=st.sampled_from([None, True, False]),
        upstream=st.sampled_from([None, "", "127.0.0.1:1", "no address"]),
    )
    def update(self, name, method, listen, enabled, upstream):
        body = {"listen": listen, "enabled": enabled, "upstream": upstream}
        status, said = self.api.ask(method, f"/proxies/{quote(name)}", body)
        if name not in self.model:
            assert status == 404, said
            return
        if upstream == "":
            assert status == 400, said
            return
        proxy = dict(self.model[name])
        proxy["listen"] = proxy["listen"] if listen is None else listen
        proxy["enabled"] = proxy["enabled"] if enabled is None else enabled
        proxy["upstream"] = upstream or proxy["upstream"]
        if proxy["enabled"] and not self.is_free(proxy["listen"], name):
            assert status == 500, said
        else:
            assert status == 200, said
            self.model[name] = proxy
            self.learn_port(name, said)

    @rule(name=NAMES)
    def delete(self, name):
        status, said = self.api.ask("DELETE", f"/proxies/{quote(name)}")
        assert status == (204 if self.model.pop(name, None) else 404), said

    @rule(
        name=NAMES,
        kind=st.sampled_from(sorted(TOXICS)),
        stream=st.sampled_from(["upstream", "downstream"]),
        toxicity=SHARES,
    )
    def add_toxic(self, name, kind, stream, toxicity):
        body = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": TOXICS[kind]}
        status, said = self.api.ask("POST", f"/proxies/{quote(name)}/toxics", body)
        toxic = {**body, "name": f"{kind}_{stream}"}
        if name not in self.model:
            assert status == 404, said
        elif any(each["name"] == toxic["name"] for each in self.model[name]["toxics"]):
            assert status == 409, said
        else:
            assert (status, said) == (200, toxic)
            self.model[name]["toxics"].append(toxic)

    @rule(name=NAMES, data=st.data())
    def update_toxic(self, name, data):
        toxics = self.model.get(name, {"toxics": []})["toxics"]
        if not toxics:
            assert self.api.ask("PATCH", f"/proxies/{quote(name)}/toxics/x", {})[0] == 404
            return
        toxic = data.draw(st.sampled_from(toxics))
        path = f"/proxies/{quote(name)}/toxics/{quote(toxic['name'])}"
        key = data.draw(st.sampled_from(sorted(toxic["attributes"]) or ["none"]))
        value = data.draw(st.sampled_from([7, 9, -1, "7", 1.5]))
        share = data.draw(SHARES)
        status, said = self.api.ask("PATCH", path, {"toxicity": share, "attributes": {key: value}})
        is_wrong = key != "none" and value in (-1, "7", 1.5)
        if is_wrong or (key == "size_variation" and value in (7, 9) and toxic["attributes"]["average_size"] <= value):
            assert status == 400, said
            assert key in said["error"]
            return
        toxic["toxicity"] = share
        if key != "none":
            toxic["attributes"] = {**toxic["attributes"], key: value}
        assert (status, said) == (200, toxic)

    @rule(name=NAMES, data=st.data())
    def remove_toxic(self, name, data):
        toxics = self.model.get(name, {"toxics": []})["toxics"]
        toxic = data.draw(st.sampled_from(toxics)) if toxics else {"name": "x"}
        status, said = self.api.ask("DELETE", f"/proxies/{quote(name)}/toxics/{quote(toxic['name'])}")
        assert status == (204 if toxics else 404), said
        if toxics:
            toxics.remove(toxic)

    @rule(
        several=st.lists(
            st.fixed_dictionaries({"name": NAMES, "listen": LISTENS}, optional={"enabled": st.booleans()}), max_size=3
        ),
        lacks=st.sampled_from(["", "", "", "name", "upstream"]),
    )
    def populate(self, several, lacks):
        body = [{**proxy, "upstream": self.api.upstream} for proxy in several]
        if lacks and body:
            del body[-1][lacks]
        status, said = self.api.ask("POST", "/populate", body)
        if lacks and body:
            assert status == 400
            assert f"{lacks} at proxy {len(body)}" in said["error"]
            return
        for number, proxy in enumerate(body, 1):
            if not self.populate_one(proxy):
                assert status == 500, said
                assert f"at proxy {number}" in said["error"]
                break
        else:
            assert status == 201, said
        for shown in said["proxies"] or ():
            self.learn_port(shown["name"], shown)

    def populate_one(self, proxy):
        name, enabled = proxy["name"], proxy.get("enabled", True)
        old = self.model.get(name)
        is_same = old and old["listen"] == proxy["listen"] and old["upstream"] == proxy["upstream"]
        if is_same and not is_ephemeral(proxy["listen"]):
            return True
        if enabled and not self.is_free(proxy["listen"], name):
            return False
        self.put(name, proxy["listen"], proxy["upstream"], enabled, [])
        return True

    @rule()
    def reset(self):
        status, said = self.api.ask("POST", "/reset")
        failed = []
        for name, proxy in self.model.items():
            proxy["toxics"] = []
            if proxy["enabled"] or self.is_free(proxy["listen"], name):
                proxy["enabled"] = True
            else:
                failed.append(name)
        assert status == (500 if failed else 204), said
        assert all(name in said["error"] for name in failed)
        shown = self.api.proxies()
        for name in self.model:
            self.learn_port(name, shown[name])

    # What must be true.

    @invariant()
    def it_is_as_the_model_says(self):
        expected = {
            name: {**proxy, "toxics": sorted(proxy["toxics"], key=lambda toxic: toxic["stream"] != "upstream")}
            for name, proxy in self.model.items()
        }
        assert self.api.proxies() == expected

    @rule()
    @precondition(lambda self: self.model)
    def each_port_does_what_its_proxy_says(self):
        for proxy in self.model.values():
            if proxy["enabled"] and proxy["upstream"] == self.api.upstream and not proxy["toxics"]:
                self.api.carries(proxy["listen"])
            elif not proxy["enabled"] and not is_ephemeral(proxy["listen"]) and self.is_free(proxy["listen"], None):
                with pytest.raises(ConnectionRefusedError):
                    connect(proxy["listen"]).close()

    def teardown(self):
        self.api.clear()
        self.api.carries()


def is_ephemeral(listen):
    return not listen or listen.endswith(":0")


def test_any_sequence_of_requests_leaves_the_proxies_that_the_model_says(api):
    several = os.environ.get("NETCHAOS_FUZZ")
    api.proxies()
    descriptors = api.descriptors()
    with socket.create_server((HOST, TAKEN)):
        run_state_machine_as_test(
            type("Proxies", (Proxies,), {"api": api}),
            settings=settings(
                max_examples=int(several or 30),
                stateful_step_count=25,
                deadline=None,
                derandomize=several is None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],  # to shrink a sequence takes minutes, and a short one says little more
            ),
        )
    api.settle(descriptors)
