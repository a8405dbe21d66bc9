"""How long the first test of a run waits for its engine and its Redis, and what their end takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pytest_netchaos import choices
from pytest_netchaos.services.redis_container import RedisContainer
from pytest_netchaos.services.toxiproxy.container import ContainerToxiproxy

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
    together, in_turns, ended = [], [], []
    for _ in range(scale.rounds(7)):
        for times, threads in ((together, 2), (in_turns, 1)):
            ready, end = _start_two(threads)
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
        rounds = [_use(what, name) for _ in range(scale.rounds(7) + 1)][1:]
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


def _start_two(threads: int) -> tuple[float, float]:
    shared = resources(engine="docker", redis="docker")
    try:
        docker = shared.docker()
        docker.run(choices.REDIS_IMAGE, name="first").close()  # the network is there, and all is imported
        redis = RedisContainer(docker, image=choices.REDIS_IMAGE)
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            proxy = pool.submit(ContainerToxiproxy, docker, choices.TOXIPROXY_IMAGE)
            pool.submit(redis.start).result()
            proxy.result().stop()
        ready = time.perf_counter() - began
    finally:
        began = time.perf_counter()
        shared.close()
        ended = time.perf_counter() - began
    redis.close()
    return ready * 1e3, ended * 1e3
