"""The command line: ``python -m benchmarks [--quick] [--json FILE] [NAME …]``, and ``compare`` and ``soak``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from . import (
    charging,
    collecting,
    crowding,
    cutting,
    judging,
    marking,
    planning,
    readiness,
    recording,
    redis_manager,
    relaying,
    report,
    shaping,
    starting,
)
from .compare import command as compare
from .limit import limited
from .scale import Scale
from .soak import command as soak
from .stats import Result, Skipped

_BENCHMARKS = {
    "start": starting.start,
    "link": starting.link,
    "cut": cutting.cut,
    "roundtrip": relaying.roundtrip,
    "beside": relaying.beside,
    "throughput": relaying.throughput,
    "connections": crowding.connections,
    "memory": crowding.memory,
    "delay": shaping.delay,
    "throttle": shaping.throttle,
    "plugin": collecting.plugin,
    "marking": marking.marking,
    "plan": planning.plan,
    "ledger": judging.ledger,
    "recorders": recording.recorders,
    "redis_manager": redis_manager.redis_manager,
    "engines": readiness.engines,
    "redises": readiness.redises,
    "containers": readiness.containers,
    "links": charging.links,
    "faults": charging.faults,
}
_GROUPS = {
    "relay": ("roundtrip", "beside", "throughput", "connections", "memory"),
    "shape": ("delay", "throttle"),
    "readiness": ("engines", "redises", "containers", "links", "faults"),
}
#: Seconds that one benchmark may take; those with containers take some 40.
_LIMIT = 120


def main() -> int:
    """Do what was asked for; 1 if something failed."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))  # both unwind, and so clean up
    if sys.argv[1:2] == ["compare"]:
        return compare.main(sys.argv[2:])
    if sys.argv[1:2] == ["soak"]:
        return soak.main(sys.argv[2:])
    return _benchmark()


def _benchmark() -> int:
    """Run the benchmarks that were asked for; 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [*_BENCHMARKS, *_GROUPS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a fifth of the effort, for a look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in names]:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(names)}")
    chosen = [each for name in options.names or _BENCHMARKS for each in _GROUPS.get(name, (name,))]

    machine, scale = report.machine(), Scale(0.2 if options.quick else 1.0)
    found: list[Result | Skipped] = []
    failed, began = False, time.monotonic()
    for name in dict.fromkeys(chosen):
        started = time.monotonic()
        print(f"{name} … ", end="", file=sys.stderr, flush=True)
        try:
            with limited(_LIMIT):
                found += list(_BENCHMARKS[name](scale))
        except Exception as error:  # noqa: BLE001 - the others can still be measured
            failed = True
            print(f"FAILED: {type(error).__name__}: {error}", file=sys.stderr)
        else:
            print(f"{time.monotonic() - started:.1f} s", file=sys.stderr)
    took = time.monotonic() - began
    results = [each for each in found if isinstance(each, Result)]
    skipped = [each for each in found if isinstance(each, Skipped)]
    document = report.document(results, skipped, machine, took, quick=options.quick)
    print(report.table(results))
    for each in skipped:
        print(f"skipped: {each.benchmark}, {each.what}: {each.reason}")
    print(f"\n{took:.0f} s on {report.spelled(machine)}")
    if options.json:
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; every process that was started has ended")
