"""Message ids in a line of text: all of a few, the first and the last of many. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

#: Ids that are named one by one; of more, the first and the last.
NAMED = 3
#: An id longer than this is cut short.
_LONGEST = 24


def ids(named: Sequence[Hashable], count: int) -> str:
    """Name distinct ids, which stand for ``count`` messages."""
    if len(named) <= NAMED:
        copies = f" ({count})" if count > len(named) else ""
        return ", ".join(map(short, named)) + copies
    return f"{short(named[0])} … {short(named[-1])} ({count})"


def short(id_: object) -> str:
    """Write one id, cut short if it is long."""
    text = repr(id_)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
