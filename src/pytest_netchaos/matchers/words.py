"""How explanations put things: ids, times, numbers, and as many lines as pytest shows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ..history import Outage

#: What pytest shows of an explanation unless it is told otherwise.
LINES, CHARACTERS = 8, 640
#: An id longer than this is cut short.
_ID = 24
#: Ids that are named one by one; of more, the first and the last.
_NAMED = 3
#: Room for " … and 999999 more" at the end of a line.
_MORE = 18


def short(id_: object) -> str:
    """Write an id so that it leaves room for the rest of a line."""
    text = repr(id_)
    return text if len(text) <= _ID else f"{text[: _ID - 1]}…"


def named(ids: Sequence[Hashable]) -> str:
    """Name these ids, or of many the first and the last."""
    if len(ids) <= _NAMED:
        return ", ".join(map(short, ids))
    return f"{short(ids[0])} … {short(ids[-1])} ({len(ids)})"


def counted(number: int, noun: str) -> str:
    """Write ``1 key`` or ``2 keys``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    """Write ``once``, ``twice`` or ``3 times``."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def between(least: float, most: float) -> str:
    """Write a time, or a range of times, in seconds."""
    one, other = f"{least:.3f}", f"{most:.3f}"
    return f"{one}s" if one == other else f"{one}..{other}s"


def fault_name(outages: Sequence[Outage], number: int) -> str:
    """Name one of several outages by its kinds: ``the cut (outage 1 of 2)``."""
    which = f" (outage {number + 1} of {len(outages)})" if len(outages) > 1 else ""
    return f"the {' and '.join(outages[number].kinds)}{which}"


def fitted(verdict: str, groups: Sequence[Sequence[str]]) -> list[str]:
    """Put lines below a verdict, some of each group, as long as pytest shows them all; say how many are left out.

    Where there isn't room for a line of each group, the last groups go: the verdict has to count them.
    """
    groups = [group for group in groups if group]
    while groups and not _fits(verdict, groups, [1] * len(groups)):
        groups.pop()
    shown = [1] * len(groups)
    while grown := _grown(verdict, groups, shown):
        shown = grown
    return [verdict, *(line for group, count in zip(groups, shown, strict=True) for line in _cut(group, count))]


def _grown(verdict: str, groups: Sequence[Sequence[str]], shown: Sequence[int]) -> list[int] | None:
    """Return the same with one line more, of the group that shows the fewest; ``None`` if there's no room for it."""
    rest = [place for place, group in enumerate(groups) if shown[place] < len(group)]
    if not rest:
        return None
    place = min(rest, key=lambda place: shown[place])
    more = [count + (at == place) for at, count in enumerate(shown)]
    return more if _fits(verdict, groups, more) else None


def _fits(verdict: str, groups: Sequence[Sequence[str]], shown: Sequence[int]) -> bool:
    lines = [line for group, count in zip(groups, shown, strict=True) for line in group[:count]]
    return 1 + len(lines) <= LINES and len(verdict) + sum(map(len, lines)) + _MORE * len(groups) <= CHARACTERS


def _cut(group: Sequence[str], count: int) -> list[str]:
    lines = list(group[:count])
    if count < len(group):
        lines[-1] += f" … and {len(group) - count} more"
    return lines
