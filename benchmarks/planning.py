"""What a plan costs to start, and how late its steps are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from pytest_netchaos.faults import Delay
from pytest_netchaos.plan import Plan, Step

from .relay_process import running
from .scale import Scale
from .stats import Result, percentile, result
from .tcp import listen

#: Seconds between two steps: each is waited for, and a busy machine has the time to get to it.
_GAP = 0.01
#: Further away than the benchmark lasts.
_NEVER = 3600


def plan(scale: Scale) -> Iterator[Result]:
    """Start plans beside a plain fault, and have steps come beside a thread that only waits for the same times."""
    started, stopped, injected = [], [], []
    with listen() as server, running() as (network, _):
        for number in range(scale.rounds(100)):
            link = network.link(server.getsockname(), name=f"link {number}")  # none has a long history
            link.history()
            began = time.perf_counter()
            link.inject(Delay(0.001))
            injected.append((time.perf_counter() - began) * 1e6)
            began = time.perf_counter()
            run = network.run(Plan(Step(Delay(0.001), at=0, link=link.name), Step(Delay(0.001), at=_NEVER)))
            started.append((time.perf_counter() - began) * 1e6)
            began = time.perf_counter()
            run.stop()
            stopped.append((time.perf_counter() - began) * 1e6)
            link.shut()
        late, bare = _lateness(network, network.link(server.getsockname(), name="late").name, scale.count(200))
    peer = ("inject()", injected)
    yield result("plan", "run(plan) returns, its first step in force", "µs", started, peer)
    yield result("plan", "stop() returns, the thread has ended", "µs", stopped, peer)
    worst = f"95th percentile {percentile(late, 95):,.0f}, bare {percentile(bare, 95):,.0f}"
    yield result("plan", "a step is later than its time by", "µs", late, ("bare wait", bare), note=worst)


def _lateness(network: object, link: str, count: int) -> tuple[list[float], list[float]]:
    """Return the lateness of steps that come one after the other, and that of a thread that does nothing else."""
    steps = [Step(Delay(0.001), at=number * _GAP, for_=_GAP / 2, link=link) for number in range(1, count)]
    run = network.run(Plan(*steps))  # type: ignore[attr-defined] # a Network
    bare: list[float] = []
    other = threading.Thread(target=_wait_for, args=(run.began_at + _GAP / 2, count, bare))
    other.start()
    other.join()
    run.wait()
    return [step.late * 1e6 for step in run.steps], bare


def _wait_for(began: float, count: int, late: list[float]) -> None:
    never = threading.Event()
    for number in range(1, count):
        at = began + number * _GAP
        never.wait(max(0.0, at - time.monotonic()))
        late.append((time.monotonic() - at) * 1e6)
