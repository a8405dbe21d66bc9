"""The relay's process: it serves the control channel, and ends when its owner does."""

from __future__ import annotations

from posix import getppid, pidfd_open  # os itself costs 1.5 ms at start

from . import log, sockets
from .control import Relay
from .epoll import EpollLoop
from .handed import HandedPorts


def main(channel: int, owner: int) -> None:
    """Relay until the channel's other end is closed, or the owner is dead.

    Both are watched: a child that the owner has forked keeps the channel open after the owner's death, and an owner may
    close the channel long before it ends.

    Args:
        channel: The descriptor of the control channel's socket.
        owner: The process id of the test run.
    """
    try:  # timers are 50 µs late by default; of those there may be two on the way of a delayed byte
        with open("/proc/self/timerslack_ns", "w") as slack:  # noqa: PTH123 - pathlib costs 10 ms
            slack.write("1")
    except OSError:  # not allowed everywhere
        pass
    loop = EpollLoop()
    relay = Relay(loop, sockets.adopt(channel), lambda _: HandedPorts())
    try:
        loop.watch(pidfd_open(owner), lambda _: loop.stop())
    except ProcessLookupError:
        return
    except OSError as error:  # a kernel before 5.3, or a sandbox that forbids it: the channel must do
        log.say(f"can't watch the test run's process: {error}\n")
    if getppid() == owner:
        loop.run(relay.flush)
