"""A line of what happened: `Event`. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "fault", "heal", "refused dial", "unanswered dial", "connection", "close", "note", "subscriber"
]


class Event(NamedTuple):
    """A line of the story."""

    at: float
    text: str
    kind: Kind
    #: What goes first where there is no room for all: 0 before 1, and so on.
    rank: int
    #: How many happenings it sums up.
    weight: int = 1
    #: The links that it happened on, where there are several.
    links: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write what happened, and where."""
        if not self.links:
            return self.text
        named = ", ".join(self.links[:_NAMED])
        more = f" and {len(self.links) - _NAMED:,} more" if len(self.links) > _NAMED else ""
        return f"{named}{more}: {self.text}"


#: Links that are named one by one.
_NAMED = 3
