"""The command line: ``python -m benchmarks compare [--quick] [--json FILE] [--markdown] [NAME …]``."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_netchaos.services.toxiproxy.local import PROGRAM

from .. import report
from ..limit import limited
from ..scale import Scale
from ..stats import Skipped
from . import begin, bulk, crowd, orders, shape, table, talk
from .contenders import why_no_toxiproxy
from .rows import Row

_MEASURES: dict[str, Callable[[Scale], Iterator[Row | Skipped]]] = {
    "throughput": bulk.throughput,
    "roundtrip": talk.roundtrip,
    "beside": bulk.beside,
    "connections": talk.connections,
    "memory": crowd.memory,
    "delay": shape.delay,
    "rates": shape.rates,
    "start": begin.start,
    "cut": orders.cut,
    "api": orders.api,
}
#: Seconds that one of them may take.
_LIMIT = 120
_QUICK = 0.2
_LEGEND = (
    "median ± interquartile range of the rounds, all measured in turns; a ratio is the median of the rounds' ratios, "
    "and a goal is judged by their middle half"
)


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the table; 1 if something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks compare", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(_MEASURES)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a fifth of the effort, for a look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single value there, too")
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown, for the README")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in _MEASURES]:
        parser.error(f"no such comparison: {', '.join(unknown)}; there are {', '.join(_MEASURES)}")

    began = time.monotonic()
    machine = {"date": dt.datetime.now(dt.UTC).date().isoformat(), **report.machine(), **_toxiproxy()}
    found, failures = _measure(options.names or list(_MEASURES), Scale(_QUICK if options.quick else 1.0))
    rows = [each for each in found if isinstance(each, Row)]
    skipped = [f"{each.benchmark}, {each.what}: {each.reason}" for each in found if isinstance(each, Skipped)]
    if reason := why_no_toxiproxy():
        skipped.append(f"Toxiproxy: {reason}")
    print(table.markdown(rows) if options.markdown else table.text(rows))
    print(f"\n{_LEGEND}.")
    for each in skipped:
        print(f"Left out: {each}.")
    for each in failures:
        print(f"FAILED: {each}")
    took = time.monotonic() - began
    command = " ".join(["python -m benchmarks compare", *arguments])
    print(f"\n`{command}`: {took:.0f} s on {report.spelled(machine)}{_versions(machine)}.")
    if _is_busy(machine):
        print("The machine was busy already when this began: measure again, alone.")
    if options.json:
        document = {
            "machine": machine, "seconds": round(took, 1), "quick": options.quick,
            "rows": [row.document() for row in rows], "left_out": skipped, "failed": failures,
        }  # fmt: skip
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return int(bool(failures))


def _measure(names: Sequence[str], scale: Scale) -> tuple[list[Row | Skipped], list[str]]:
    found: list[Row | Skipped] = []
    failures = []
    for name in dict.fromkeys(names):
        began = time.monotonic()
        print(f"{name} … ", end="", file=sys.stderr, flush=True)
        try:
            with limited(_LIMIT):
                found += _MEASURES[name](scale)
        except Exception as error:  # noqa: BLE001 - the others can still be measured
            failures.append(f"{name}: {type(error).__name__}: {error}")
            print("FAILED", file=sys.stderr)
        else:
            print(f"{time.monotonic() - began:.1f} s", file=sys.stderr)
    return found, failures


def _versions(machine: dict[str, object]) -> str:
    return "".join(
        f", {machine[name] if name == 'date' else f'{name} {machine[name]}'}"
        for name in ("Toxiproxy", "date")
        if name in machine
    )


def _is_busy(machine: dict[str, object]) -> bool:
    load, cores = machine["load"], machine["cores"]
    assert isinstance(load, float)
    assert isinstance(cores, int)
    return load > cores / 2


def _toxiproxy() -> dict[str, str]:
    if why_no_toxiproxy():
        return {}
    said = subprocess.run([PROGRAM, "-version"], capture_output=True, text=True, timeout=10, check=True).stdout
    return {"Toxiproxy": said.rpartition(" ")[2].strip()}
