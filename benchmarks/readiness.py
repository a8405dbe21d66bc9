"""How long the first test of a run waits for its engine and its Redis, and what their end takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .offers import ENGINES, REDISES, missing_engine, missing_redis, resources
from .scale import Scale
from .stats import Result, Skipped, result

_ROOT = Path(__file__).parents[1]


def engines(scale: Scale) -> Iterator[Result | Skipped]:
    """Start each engine, make a link, send a byte there and back: in a new process, and once more in the same one."""
    yield from _compare("engines", "engine", ENGINES, missing_engine, scale)


def redises(scale: Scale) -> Iterator[Result | Skipped]:
    """Start each Redis, until it has answered: in a new process, and once more in the same one."""
    yield from _compare("redises", "redis", REDISES, missing_redis, scale)


def containers(scale: Scale) -> Iterator[Result | Skipped]:
    """Start a Toxiproxy and a Redis in containers: side by side, and one after the other; then end both."""
    for missing in (missing_engine("docker"), missing_redis("docker")):
        if missing:
            yield Skipped("containers", "Toxiproxy and Redis", missing)
            return
    together: list[float] = []
    in_turns: list[float] = []
    ended: list[float] = []
    for _ in range(scale.rounds(5)):
        for times, side_by_side in ((together, True), (in_turns, False)):
            ready, end = _start_two(side_by_side=side_by_side)
            times.append(ready)
            ended.append(end)
    peer = ("one after the other", in_turns)
    yield result("containers", "Toxiproxy and Redis, side by side", "ms", together, peer)
    yield result("containers", "… and their end", "ms", ended)


def _compare(
    benchmark: str, what: str, names: tuple[str, ...], missing: Callable[[str], str], scale: Scale
) -> Iterator[Result | Skipped]:
    for name in names:
        if reason := missing(name):
            yield Skipped(benchmark, name, reason)
            continue
        # The first round finds files that nobody has read yet; how fast the disk is, is not the question.
        rounds = [_use(what, name) for _ in range(scale.rounds(5) + 1)][1:]
        first = [ready for (ready, _), _ in rounds]
        again = [ready for _, (ready, _) in rounds]
        yield result(benchmark, f"{name}, the first in a process", "ms", first, ("the second", again))
        yield result(benchmark, f"{name}, its end", "ms", [end for _, (_, end) in rounds])


def _use(what: str, name: str) -> list[tuple[float, float]]:
    command = [sys.executable, "-m", "benchmarks.first_use", what, name]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-1000:]}")
    measured: list[tuple[float, float]] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _start_two(*, side_by_side: bool) -> tuple[float, float]:
    shared = resources(engine="docker", redis="docker")
    try:
        assert shared.docker().network  # it is there, and all is imported
        began = time.perf_counter()
        if not side_by_side:
            shared.engine()
        shared.redis()  # with the engine, unless it is there
        shared.engine()
        ready = time.perf_counter() - began
    finally:
        began = time.perf_counter()
        shared.close()
        ended = time.perf_counter() - began
    return ready * 1e3, ended * 1e3
