"""How explanations put things: ids, times, numbers, and as many lines as pytest shows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from ..history import Outage

#: What pytest shows of an explanation unless it is told otherwise.
LINES, CHARACTERS = 8, 640
#: Of an id longer than this only the beginning and the end are shown.
_ID = 24
#: What is named one by one; of more ids, the first and the last.
NAMED = 3
#: Room for " … and 999999 more" at the end of a line.
_MORE = 18


def short(id_: object) -> str:
    """Write an id so that it leaves room for the rest of a line: its end too, which is where ids mostly differ."""
    text = repr(id_)
    return text if len(text) <= _ID else f"{text[: _ID // 2 - 1]}…{text[-_ID // 2 :]}"


def named(ids: Sequence[Hashable], count: int | None = None) -> str:
    """Name distinct ids, or of many the first and the last; ``count`` is that of messages, where it is another one."""
    count = len(ids) if count is None else count
    if len(ids) <= NAMED:
        return ", ".join(map(short, ids)) + (f" ({count})" if count > len(ids) else "")
    return f"{short(ids[0])} … {short(ids[-1])} ({count})"


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
    shown = _shown(verdict, groups)
    return [verdict, *(line for group, count in zip(groups, shown, strict=False) for line in _cut(group, count))]


def arranged(verdict: str, groups: Sequence[Sequence[str]]) -> list[str]:
    """Put all lines below a verdict, and first those that pytest shows: as `fitted` chooses them, in order."""
    groups = [group for group in groups if group]
    shown = [*_shown(verdict, groups), *[0] * len(groups)]
    first = [line for group, count in zip(groups, shown, strict=False) for line in group[:count]]
    return [verdict, *first, *(line for group, count in zip(groups, shown, strict=False) for line in group[count:])]


def has_room(verdict: str, groups: Sequence[Sequence[str]]) -> bool:
    """Say whether pytest shows a line of each group."""
    groups = [group for group in groups if group]
    return _fits(verdict, groups, [1] * len(groups))


def _shown(verdict: str, groups: Sequence[Sequence[str]]) -> list[int]:
    """Return how many lines of each group pytest shows. Groups at the end for which there's no room are left out."""
    groups = list(groups)
    while groups and not _fits(verdict, groups, [1] * len(groups)):
        groups.pop()
    shown = [1] * len(groups)
    while grown := _grown(verdict, groups, shown):
        shown = grown
    return shown


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
