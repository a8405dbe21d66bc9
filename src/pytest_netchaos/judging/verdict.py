"""What can come of judging a record: `Verdict`. No I/O."""

from __future__ import annotations

from enum import IntEnum


class Verdict(IntEnum):
    """What a record says of a contract. The worst of several wins: ``max(verdicts)``."""

    #: The contract was kept, and was put to the test: messages crossed a fault, or whatever else its matcher asks for.
    VALID = 0
    #: The contract wasn't broken, but the record doesn't show that it was kept: nothing crossed a fault, nothing was
    #: sent or acknowledged or arrived at all, or its clocks disagree.
    UNKNOWN = 1
    #: The contract was broken.
    INVALID = 2

    def __str__(self) -> str:
        """Write it as a word."""
        return self.name.lower()
