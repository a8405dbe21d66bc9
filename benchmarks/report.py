"""Results as a table for people and as JSON for programs."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from .stats import Result, Skipped, Summary

_HEAD = ("benchmark", "what", "median", "± IQR", "", "peer's median", "± IQR", "ratio", "n", "peer; notes")
_TO_THE_LEFT = (0, 1, 4, 9)


def table(results: Iterable[Result]) -> str:
    """Write the results in columns."""
    rows = [_HEAD, *map(_row, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join("  ".join(_cells(row, widths)).rstrip() for row in rows)


def document(
    results: Iterable[Result],
    skipped: Iterable[Skipped],
    facts: dict[str, object],
    seconds: float,
    *,
    quick: bool,
) -> dict[str, object]:
    """Give the results, and where they come from, for JSON."""
    return {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "quick": quick,
        "seconds": round(seconds, 1),
        "results": [_spread(result) for result in results],
        "skipped": [asdict(each) for each in skipped],
    }


def spelled(facts: dict[str, object]) -> str:
    """Write what `machine` says for people."""
    cores = f"{facts['cores']} core{'s' * (facts['cores'] != 1)} of {facts['processor']}"
    return f"{cores}, {facts['system']}, {facts['python']}, load {facts['load']} at the start"


def machine() -> dict[str, object]:
    """Say what the figures were measured on."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "executable": sys.executable,
    }


def _spread(result: Result) -> dict[str, object]:
    spread = {name: s.iqr for name, s in (("iqr", result.measured), ("peer_iqr", result.peer)) if s is not None}
    return {**asdict(result), **spread, "ratio": result.ratio}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _row(result: Result) -> tuple[str, ...]:
    ratio = "" if result.ratio is None else f"{result.ratio:.3g}"
    notes = "; ".join(filter(None, (result.peer_name, result.note)))
    return (
        result.benchmark, result.what, *_median(result.measured), result.unit, *_median(result.peer), ratio,
        str(result.measured.n), notes,
    )  # fmt: skip


def _median(summary: Summary | None) -> tuple[str, str]:
    return ("", "") if summary is None else (_number(summary.median), _number(summary.iqr))


def _number(value: float) -> str:
    """Write three digits or four, and no exponent."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 10 else f"{value:.3f}"


def _cells(row: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if column in _TO_THE_LEFT else cell.rjust(width)
