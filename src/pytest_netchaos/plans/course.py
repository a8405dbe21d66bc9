"""Which steps of a plan are to begin now, and when to look again. Pure: times and facts in, decisions out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..plan import Step


class Known(NamedTuple):
    """What is known of one step of a plan that runs."""

    has_begun: bool = False
    #: The monotonic time when it was over, or will be; ``None`` where that isn't known.
    over_at: float | None = None


class Outlook(NamedTuple):
    """What is to be done."""

    #: The steps that are to begin now, in the order of their times.
    due: tuple[int, ...]
    #: The next monotonic time at which a step is to begin, as far as is known; ``None`` if there is none.
    look_at: float | None
    #: The steps whose end, which nobody knows yet, others wait for.
    awaited: tuple[int, ...]

    @property
    def is_last(self) -> bool:
        """Whether nothing will ever have to begin any more."""
        return not self.due and self.look_at is None and not self.awaited


def due_at(steps: Sequence[Step], index: int, began_at: float, known: Sequence[Known]) -> float | None:
    """Return the monotonic time at which a step is to begin; ``None`` where that isn't known yet.

    Args:
        steps: The plan's.
        index: Which of them.
        began_at: When the plan began.
        known: What is known of each.
    """
    step = steps[index]
    if step.on is not None:
        return began_at
    if step.at is not None:
        return began_at + step.at
    assert step.after is not None
    over_at = began_at if index == 0 else known[index - 1].over_at
    return None if over_at is None else over_at + step.after


def outlook(steps: Sequence[Step], began_at: float, now: float, known: Sequence[Known]) -> Outlook:
    """Work out what is to be done at the monotonic time ``now``.

    Args:
        steps: The plan's.
        began_at: When the plan began.
        now: The time. A step is never early: it is due from its time on.
        known: What is known of each step.
    """
    due: list[tuple[float, int]] = []
    later: list[float] = []
    awaited: list[int] = []
    for index, about in enumerate(known):
        if about.has_begun:
            continue
        at = due_at(steps, index, began_at, known)
        if at is None:
            if known[index - 1].has_begun:
                awaited.append(index - 1)
        elif at <= now:
            due.append((at, index))
        else:
            later.append(at)
    return Outlook(tuple(index for _, index in sorted(due)), min(later, default=None), tuple(awaited))
