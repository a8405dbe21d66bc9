"""Numbers on events, so that a gap is seen and a repetition too: what a node keeps of its own, and has seen of others.

No I/O.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

#: Nodes that an inbox remembers. A node that restarts is a new one, so that this would grow for ever without a limit.
MOST_NODES = 1000


class Outbox:
    """A node's own events, numbered from 1: those that wait to be published, and before them some that were.

    What was published stays until it is pushed out, since a node that was deaf may ask for it. Neither of the two
    bounds is ever exceeded: the oldest event goes first.

    Args:
        most: How many events are kept.
        max_age: Seconds after which an event is of no use to anybody.
        clock: Monotonic seconds.
    """

    def __init__(self, most: int, max_age: float, clock: Callable[[], float] = time.monotonic) -> None:
        if most < 1:
            raise ValueError(f"most must be 1 or more, not {most!r}")
        self._most = most
        self._max_age = max_age
        self._clock = clock
        self._kept: dict[int, tuple[float, str]] = {}
        self._is_rewound = False
        self.first = 1  #: The number of the oldest event that is kept.
        self.next = 1  #: The number of the event to be published next.
        self.sent = 0  #: The highest number that was published.
        self.last = 0  #: The number of the newest event.
        self.dropped = 0  #: Events that were too many or too old before they could be published.

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def waiting(self) -> int:
        """How many events are to be published."""
        return self.last - self.next + 1

    def add(self, encode: Callable[[int], str]) -> int:
        """Take an event, which ``encode`` makes of its number; return the number."""
        text = encode(self.last + 1)
        self.last += 1
        self._kept[self.last] = (self._clock(), text)
        while len(self._kept) > self._most:
            self._drop_oldest()
        return self.last

    def due(self, most: int) -> list[str]:
        """Return the events to be published next, in order."""
        self._drop_what_is_too_old()
        self._is_rewound = False
        return [self._kept[number][1] for number in range(self.next, min(self.last + 1, self.next + most))]

    def published(self, begin: int, count: int) -> None:
        """Go on behind ``count`` events that were published, unless somebody has asked for some once more meanwhile."""
        end = begin + count
        self.sent = max(self.sent, end - 1)
        if not self._is_rewound:
            self.next = max(self.next, end)

    def rewind(self, number: int) -> None:
        """Publish again from this number on, or from the oldest one that is kept."""
        self.next = max(self.first, min(number, self.next))
        self._is_rewound = True

    def _drop_what_is_too_old(self) -> None:
        oldest = self._clock() - self._max_age
        while self._kept and self._kept[self.first][0] < oldest:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        del self._kept[self.first]
        self.dropped += self.first > self.sent
        self.first += 1
        self.next = max(self.next, self.first)


@dataclass
class Inbox:
    """What has been seen of each other node: it takes every event once, and in the order of its node.

    Whatever comes behind a gap is not kept but asked for again, along with the gap: so nothing is reordered, and
    nothing has to be stored here.
    """

    seen: dict[str, int] = field(default_factory=dict)  #: By node, the number of the last event that was taken.
    repeated: int = 0  #: Events that came once more, and were left out.
    missed: int = 0  #: Events that their node didn't have any more.
    _asked: dict[str, int] = field(default_factory=dict)

    def take(self, node: str, number: int) -> bool:
        """Say whether an event is the next one of its node. Of a node that is new here, every event is."""
        seen = self.seen.get(node)
        if seen is None:
            self._learn(node, number)
            return True
        if number == seen + 1:
            self.seen[node] = number
            return True
        self.repeated += number <= seen
        return False

    def must_ask(self, node: str, number: int) -> bool:
        """Say whether this event shows a gap that nobody has asked about yet."""
        seen = self.seen.get(node, number)
        if number <= seen + 1 or self._asked.get(node) == seen:
            return False
        self._asked[node] = seen
        return True

    def place(self, node: str, *, first: int, following: int, sent: int) -> bool:
        """Hear where a node stands, and say whether it has to be asked for what was missed.

        Args:
            node: Who.
            first: The oldest event that it still has.
            following: The one that it will publish next.
            sent: The newest one that it has ever published. With a node that is new here, it begins behind that.
        """
        seen = self.seen.pop(node, None)  # and to the end: those that were heard from last are remembered longest
        begin = max(sent, first - 1) if seen is None else max(seen, first - 1)
        self.missed += 0 if seen is None else begin - seen
        self._learn(node, begin)
        return begin < following - 1

    def _learn(self, node: str, number: int) -> None:
        if node not in self.seen and len(self.seen) >= MOST_NODES:
            longest_silent = next(iter(self.seen))
            del self.seen[longest_silent]
            self._asked.pop(longest_silent, None)
        self.seen[node] = number
