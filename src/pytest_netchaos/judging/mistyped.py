"""Ids that read the same and aren't: 7 was sent, and ``"7"`` arrived. No I/O.

Redis gives bytes for a number; to whoever wrote the test they are one message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..spelling import spelled

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


class Mistyped(NamedTuple):
    """An id that was sent, and the one of another type that arrived in its place."""

    sent: Hashable
    arrived: Hashable

    @property
    def types(self) -> tuple[str, str]:
        """The names of the two types."""
        return type(self.sent).__name__, type(self.arrived).__name__


def mistyped(sent: Iterable[Hashable], arrived: Hashable) -> Mistyped | None:
    """Find what was sent and reads like an id that wasn't."""
    text, kind = _text(arrived), type(arrived)
    return next((Mistyped(id_, arrived) for id_ in sent if type(id_) is not kind and _text(id_) == text), None)


def _text(id_: Hashable) -> str:
    if isinstance(id_, bytes):
        return id_.decode(errors="replace")
    return spelled(id_, str)
