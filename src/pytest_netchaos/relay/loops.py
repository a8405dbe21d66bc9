"""The event loop of a kind, and what goes with it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loop import Loop


def make(kind: str) -> Loop:
    """Make a loop: ``"linux"``, or without what only Linux has ``"portable"`` or ``"select"``.

    Without it means that nothing else in this process uses it either, from now on, even where it is there.
    """
    if kind == "linux":
        from .epoll import EpollLoop  # noqa: PLC0415 - elsewhere it can't be imported

        return EpollLoop()
    from . import connection, flow, keeper, pollers  # noqa: PLC0415 - only where they are needed
    from .portable import PortableLoop  # noqa: PLC0415

    keeper.SHARES = False
    connection.FLOW = flow.Flow
    return PortableLoop(pollers.make(kind))
