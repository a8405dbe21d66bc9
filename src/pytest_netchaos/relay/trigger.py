"""What a fault waits for, as the ``fault`` command has it. Loaded when a fault has a trigger. Pure."""

from __future__ import annotations

CONNECTION, DIAL, BYTES = "connection", "dial", "bytes"


class Passed(ValueError):
    """A trigger can't come any more: the link has seen it already. The owner knows it by this name."""


class Trigger:
    """The connection, the dial or the offset that brings a fault.

    Args:
        kind: `CONNECTION`, `DIAL` or `BYTES`.
        number: Which connection or dial, from 1; or how many bytes are to pass before the fault.
        direction: Of those bytes, ``"upstream"`` or ``"downstream"``.
        connection: The number of theirs, from 1.

    Raises:
        ValueError: There is no such kind, number or direction.
    """

    __slots__ = ("connection", "direction", "kind", "number")

    def __init__(self, kind: str, number: int, direction: str = "", connection: int = 0) -> None:
        if kind not in (CONNECTION, DIAL, BYTES):
            raise ValueError(f"a trigger must be on a connection, a dial or bytes, not on {kind[:40]!r}")
        if number < (kind != BYTES):
            raise ValueError(f"the trigger's number must be {int(kind != BYTES)} or more, not {number}")
        if kind == BYTES:
            if direction not in ("upstream", "downstream"):
                raise ValueError(f"the trigger's direction must be upstream or downstream, not {direction[:40]!r}")
            if connection < 1:
                raise ValueError(f"the trigger's connection must be 1 or more, not {connection}")
        self.kind = kind
        self.number = number
        self.direction = direction
        self.connection = connection
