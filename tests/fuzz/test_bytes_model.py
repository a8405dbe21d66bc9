"""Whatever faults come and go, the bytes at both ends are exactly those that a model says."""

from __future__ import annotations

import itertools
import os
import socket
from time import monotonic

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.fuzz.traffic import Traffic
from tests.fuzz.ways import DOWN, SOON, UP, Pair, directions

from pytest_netchaos import Network
from pytest_netchaos.engines.embedded import EmbeddedEngine
from pytest_netchaos.relay.pipes import MOST_IDLE

SEVERAL = os.environ.get("NETCHAOS_FUZZ")
SETTINGS = settings(
    max_examples=int(SEVERAL or 25),
    stateful_step_count=40,
    deadline=None,
    derandomize=SEVERAL is None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


class LinkTraffic(Traffic):
    engine = None  # set by the test

    def start(self):
        self.network = Network(lambda: self.engine, 7)
        self.link = self.network.link(self.listener.getsockname()[:2])
        self.numbers = {}

    def end(self):
        self.network.close()

    def address(self):
        return self.link.address

    def put(self, kind, direction):
        match kind:
            case "delay":
                return self.link.delay(0.01, jitter=0.005, direction=direction)
            case "throttle":
                return self.link.throttle(20e6, direction=direction)
            case "slice":
                return self.link.slice(3000, variation=1000, direction=direction)
            case "stall":
                return self.link.stall(direction=direction)
        return self.link.blackhole(direction=direction)

    def take_back(self, fault):
        fault.heal()

    def shut(self):
        self.broken = self.link.cut()

    def reopen(self):
        self.broken.heal()

    def reset_all(self):
        self.link.reset()

    def falls_in(self, pair, name):
        missing = len(pair.ways[name].sent) - len(pair.ways[name].got)
        deadline = monotonic() + SOON
        while (self.record(pair).lost_up if name == UP else self.record(pair).lost_down) < missing:
            assert monotonic() < deadline, f"{missing} bytes have not fallen in"

    def judge(self, pair, direction, has_lost):  # noqa: ARG002 - the API's proxies need it
        return "RST" if has_lost else None

    # What the link says.

    def opened(self, pair):
        peer = "{}:{}".format(*pair.client.getsockname())
        served = self.link.wait_for(lambda h: any(d.peer == peer and d.connection for d in h.dials), SOON)
        self.numbers[pair] = next(d.connection for d in reversed(served.dials) if d.peer == peer)

    def record(self, pair):
        return next(each for each in self.link.connections if each.number == self.numbers[pair])

    def look_at(self, pair):
        said = self.record(pair)
        for name, count in ((UP, said.bytes_up), (DOWN, said.bytes_down)):
            assert count == len(pair.ways[name].got)
        assert said.is_open

    def over(self, pair, how):
        self.link.wait_for(lambda _: not self.record(pair).is_open, SOON)
        said = self.record(pair)
        assert said.close_how == how
        assert (said.bytes_up, said.bytes_down) == tuple(len(pair.ways[name].got) for name in (UP, DOWN))


class ApiTraffic(Traffic):
    api = None  # set by the test
    shut_how = "FIN"

    def start(self):
        self.api.clear()
        self.names = map("t{}".format, itertools.count())
        host, port = self.listener.getsockname()[:2]
        status, made = self.api.ask("POST", "/proxies", {"name": "a", "upstream": f"{host}:{port}"})
        assert status == 201, made
        self.listens = made["listen"]

    def end(self):
        self.api.clear()

    def address(self):
        host, _, port = self.listens.rpartition(":")
        return host, int(port)

    def put(self, kind, direction):
        type_, attributes = {
            "delay": ("latency", {"latency": 10, "jitter": 5}),
            "throttle": ("bandwidth", {"rate": 20_000}),
            "slice": ("slicer", {"average_size": 3000, "size_variation": 1000}),
            "stall": ("bandwidth", {"rate": 0}),
            "hole": ("timeout", {"timeout": 0}),
            "reset": ("reset_peer", {"timeout": 0}),
        }[kind]
        made = []
        for stream in directions(direction):
            body = {"name": next(self.names), "type": type_, "stream": stream, "attributes": attributes}
            status, said = self.api.ask("POST", "/proxies/a/toxics", body)
            assert status == 200, said
            made.append(said)
        return made

    def take_back(self, fault):
        for toxic in fault:
            path = f"/proxies/a/toxics/{toxic['name']}"
            if toxic["type"] == "bandwidth":  # first another rate, on the live connections
                assert self.api.ask("PATCH", path, {"attributes": {"rate": 50_000}})[0] == 200
            assert self.api.ask("DELETE", path)[0] == 204

    def shut(self):
        assert self.api.ask("PATCH", "/proxies/a", {"enabled": False})[0] == 200

    def reopen(self):
        assert self.api.ask("PATCH", "/proxies/a", {"enabled": True})[0] == 200

    def reset_all(self):
        self.take_back(self.put("reset", "both"))

    def judge(self, pair, direction, has_lost):  # noqa: ARG002 - whatever it has lost
        is_over = all(pair.ways[name].is_finished for name in directions(direction))
        return None if is_over else "FIN"  # a timeout on what had ended before meets nothing


def test_links_carry_what_the_model_says():
    engine = EmbeddedEngine()
    try:
        run_state_machine_as_test(type("LinkTraffic", (LinkTraffic,), {"engine": engine}), settings=SETTINGS)
        engine.check()
    finally:
        engine.stop()


def test_proxies_of_the_api_carry_what_the_model_says(api):
    descriptors = api.descriptors()
    run_state_machine_as_test(type("ApiTraffic", (ApiTraffic,), {"api": api}), settings=SETTINGS)
    api.settle(descriptors + 2 * MOST_IDLE)


def test_the_model_sees_a_byte_that_is_another_one():
    client, server = socket.socketpair()
    pair = Pair(client, server)
    pair.ways[UP].send(10, 1)
    pair.ways[UP].sent[3] ^= 1
    with pytest.raises(AssertionError, match="other bytes"):
        pair.settle()
    pair.close()
