"""The rows as a table, for a terminal and for a README. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..stats import Summary
from .rows import DIRECT, EMBEDDED, TOXIPROXY, Row

_HEAD = ("", "unit", EMBEDDED, TOXIPROXY, DIRECT, "÷ Toxiproxy", "÷ direct", "goals; notes")
_TO_THE_LEFT = (0, 1, 7)


def text(rows: Iterable[Row]) -> str:
    """Write the rows in columns."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join("  ".join(_padded(line, widths)).rstrip() for line in lines)


def markdown(rows: Iterable[Row]) -> str:
    """Write the rows as a table in Markdown."""
    rule = ["---" if column in _TO_THE_LEFT else "---:" for column in range(len(_HEAD))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (_HEAD, rule, *map(_cells, rows)))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.what,
        row.unit,
        *(_spelled(row.summary(name)) for name in (EMBEDDED, TOXIPROXY, DIRECT)),
        *(_spelled(row.ratio(name)) for name in (TOXIPROXY, DIRECT)),
        "; ".join(filter(None, (row.verdicts(), row.note))),
    )


def _spelled(summary: Summary | None) -> str:
    """Write the median and the interquartile range."""
    if summary is None:
        return ""
    digits = 0 if abs(summary.median) >= 100 else 1 if abs(summary.median) >= 10 else 3
    spread = f" ± {summary.iqr:,.{digits}f}" if summary.n > 1 else ""
    return f"{summary.median:,.{digits}f}{spread}"


def _padded(line: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(line, widths, strict=True)):
        yield cell.ljust(width) if column in _TO_THE_LEFT else cell.rjust(width)
