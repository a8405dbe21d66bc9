"""What a test pays for its marker: when it is collected, and when it runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from .collecting import ENVIRONMENT
from .scale import Scale
from .stats import Result, result

_FILES, _TESTS_IN_EACH = 50, 200
_MARK = 'pytest.mark.flaky_network("slow-3g")'
#: What stands above each test, and at the top of each file.
_MARKED = {
    "unmarked": ("", ""),
    "each marked": (f"@{_MARK}\n", ""),
    "modules marked": ("", f"pytestmark = {_MARK}\n"),
    "another marker on each": ('@pytest.mark.another("slow-3g")\n', ""),
}
_INI = "[pytest]\nmarkers = another\n"
#: Collects each folder in turn, so many times, each time in a child that has nothing but pytest loaded. A whole run
#: would start Python each time: as much work as 2,000 tests, and most of the noise.
_ROUNDS = """
import io, json, os, resource, sys, time
import pytest, pytest_netchaos.plugin, pytest_netchaos.marking.collecting

def collect(folder):
    began = time.process_time()
    sys.stdout = io.StringIO()
    os.chdir(folder)
    done = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-p", "netchaos", "."])
    worked = time.process_time() - began
    said = sys.stdout.getvalue()
    return worked * 1e3 if not done and f"{total} tests collected" in said else said[-1000:]

rounds, total, *folders = json.loads(sys.argv[1])
began = time.monotonic()
for number in range(rounds):
    if number > 1 and time.monotonic() > began + 60:
        break  # a busy machine: fewer rounds, rather than none
    for folder in folders:
        read, write = os.pipe()
        if not os.fork():
            os.write(write, json.dumps(collect(folder)).encode())
            os._exit(0)
        os.close(write)
        with open(read) as pipe:
            print(pipe.read(), flush=True)
        os.wait()
"""
_TIMED = """
import json, pathlib, time
import pytest

took = []

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    began = time.perf_counter()
    result = yield
    took.append((item.name.partition("_")[2].partition("_")[0], (time.perf_counter() - began) * 1e3))
    return result

def pytest_sessionfinish():
    pathlib.Path("took.json").write_text(json.dumps(took))
"""
_TESTS = """
import socket
import pytest

@pytest.fixture(scope="module")
def server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()
"""
_PAIR = """
def test_unmarked_{n}(netchaos, server):
    netchaos.link(server)

@pytest.mark.flaky_network("slow-3g")
def test_marked_{n}(netchaos, server):
    netchaos.link(server)
"""


def marking(scale: Scale) -> Iterator[Result]:
    """Collect 10,000 tests, marked and unmarked; and run tests that make a link, marked and unmarked."""
    yield from _collecting(scale)
    yield from _running(scale)


def _collecting(scale: Scale) -> Iterator[Result]:
    each = scale.count(_TESTS_IN_EACH)
    total = _FILES * each
    rounds = scale.rounds(4) + 1
    cpu: dict[str, list[float]] = {name: [] for name in _MARKED}
    with tempfile.TemporaryDirectory(prefix="netchaos-benchmark-") as folder:
        places = [Path(folder, name.replace(" ", "-")) for name in _MARKED]
        for place, (above, top) in zip(places, _MARKED.values(), strict=True):
            _write(place, each, above, top)
        asked = json.dumps([rounds, total, *map(str, places)])
        command = [sys.executable, "-c", _ROUNDS, asked]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, check=True)
    for number, line in enumerate(done.stdout.splitlines()):
        worked = json.loads(line)
        if isinstance(worked, str):
            raise RuntimeError(f"{places[number % len(places)]}:\n{worked}")  # noqa: TRY004 - what pytest said
        if number >= len(places):  # the first ones write bytecode
            cpu[list(cpu)[number % len(places)]].append(worked)
    unmarked = ("unmarked", cpu["unmarked"])
    for name in list(_MARKED)[1:]:
        yield result("marking", f"collect {total} tests, {name}, CPU", "ms", cpu[name], unmarked)
    added = [(there - here) * 1e3 / total for there, here in zip(cpu["each marked"], cpu["unmarked"], strict=True)]
    pytests = zip(cpu["another marker on each"], cpu["unmarked"], strict=True)
    own = [(there - here) * 1e3 / total for there, here in pytests]
    yield result("marking", "… added to each test", "µs", added, ("another marker", own), note="pytest's own share")


def _write(folder: Path, each: int, above: str, top: str) -> None:
    folder.mkdir()
    (folder / "pytest.ini").write_text(_INI)
    tests = "".join(f"{above}def test_{n}():\n    assert True\n\n" for n in range(each))
    for number in range(_FILES):
        (folder / f"test_{number}.py").write_text(f"import pytest\n\n{top}\n{tests}")


def _running(scale: Scale) -> Iterator[Result]:
    count = scale.count(200)
    with tempfile.TemporaryDirectory(prefix="netchaos-benchmark-") as folder:
        Path(folder, "conftest.py").write_text(_TIMED)
        Path(folder, "test_pairs.py").write_text(_TESTS + "".join(_PAIR.format(n=n) for n in range(count)))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "netchaos", folder]
        done = subprocess.run(
            command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode or f"{2 * count} passed" not in done.stdout:
            raise RuntimeError(f"{' '.join(command)}:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
        took = json.loads(Path(folder, "took.json").read_text())[2:]  # the engine starts with the first one
    times = {name: [ms for said, ms in took if said == name] for name in ("unmarked", "marked")}
    yield result(
        "marking", "run a test with a link, marked slow-3g", "ms", times["marked"], ("unmarked", times["unmarked"])
    )
    added = [after - before for (_, before), (_, after) in list(pairwise(took))[::2]]
    yield result("marking", "… added by the marker", "ms", added)
