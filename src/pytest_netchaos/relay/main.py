"""The relay's process: it serves the control channel, and ends when its owner does."""

from __future__ import annotations

import os
import sys

from . import sockets
from .control import Relay
from .loop import Loop


def main(channel: int, owner: int) -> None:
    """Relay until the channel's other end is closed, or the owner is dead.

    Both are watched: a child that the owner has forked keeps the channel open after the owner's death, and an owner may
    close the channel long before it ends.

    Args:
        channel: The descriptor of the control channel's socket.
        owner: The process id of the test run.
    """
    loop = Loop()
    relay = Relay(loop, sockets.adopt(channel))
    try:
        loop.watch(os.pidfd_open(owner), lambda _: loop.stop())
    except ProcessLookupError:
        return
    except OSError as error:  # a kernel before 5.3, or a sandbox that forbids it: the channel must do
        sys.stderr.write(f"can't watch the test run's process: {error}\n")
    if os.getppid() == owner:
        loop.run(relay.flush)
