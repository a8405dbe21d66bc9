"""What a run pays that has the plugin installed and doesn't use it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .scale import Scale
from .stats import Result, result

_FILES, _TESTS_IN_EACH = 20, 100
#: Without other people's plugins: they would only add noise.
ENVIRONMENT = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": ""}  # "": not set
_IMPORT = """
import time
import pytest
began = time.perf_counter()
import pytest_netchaos.plugin
print((time.perf_counter() - began) * 1e3)
"""


def plugin(scale: Scale) -> Iterator[Result]:
    """Collect 2,000 tests that don't use it: with the plugin, and with ``-p no:netchaos``."""
    each = scale.count(_TESTS_IN_EACH)
    total = _FILES * each
    wall: dict[str, list[float]] = {"netchaos": [], "no:netchaos": []}
    cpu: dict[str, list[float]] = {"netchaos": [], "no:netchaos": []}
    with tempfile.TemporaryDirectory(prefix="netchaos-benchmark-") as folder:
        for number in range(_FILES):
            tests = "".join(f"def test_{n}():\n    assert True\n\n" for n in range(each))
            Path(folder, f"test_{number}.py").write_text(tests)
        for number in range(scale.rounds(10) + 1):
            for name in ("netchaos", "no:netchaos"):
                took, worked = _collect(folder, name, total)
                if number:  # the first one writes bytecode
                    wall[name].append(took)
                    cpu[name].append(worked)
        imports = [_import(folder) for _ in range(scale.rounds(10))]
    for what, times in (("wall", wall), ("CPU", cpu)):
        peer = ("-p no:netchaos", times["no:netchaos"])
        yield result("plugin", f"collect {total} tests, {what}", "ms", times["netchaos"], peer)
    extra = [there - here for there, here in zip(cpu["netchaos"], cpu["no:netchaos"], strict=True)]
    yield result("plugin", "… CPU added by the plugin", "ms", extra)
    yield result("plugin", "import pytest_netchaos.plugin after pytest", "ms", imports)


def _collect(folder: str, name: str, total: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", name, folder]
    before, began = _cpu_of_children(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)
    took, worked = time.perf_counter() - began, _cpu_of_children() - before
    if done.returncode or f"{total} tests collected" not in done.stdout:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return took * 1e3, worked * 1e3


def _import(folder: str) -> float:
    command = [sys.executable, "-c", _IMPORT]
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=True)
    return float(done.stdout)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
