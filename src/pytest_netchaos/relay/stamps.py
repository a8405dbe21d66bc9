"""When a packet arrived: the kernel's own time for it, told in the clock of the log.

Whoever is held up on a busy machine reads late, and what it dates by its reading looks closer to what comes next than
it was. The kernel stamps each packet as it arrives, by the wall clock (CLOCK_REALTIME), which somebody may set in the
meantime; the log has CLOCK_MONOTONIC. Both are slewed alike (adjtimex(2)), so their distance changes only when the wall
clock is set, or the machine was asleep: a stamp is believed where it has not changed since the time before which the
packet can't have come.
"""

from __future__ import annotations

import _socket
from struct import calcsize, unpack
from time import monotonic_ns, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812

#: Python has no name for it. It's 35 on x86, Arm, RISC-V, Power, s390, MIPS, LoongArch and Alpha; on SPARC it's 33, on
#: PA-RISC 0x4013 (asm/socket.h of Linux). There 35 gives no stamp or an error, and the time of reading must do.
_SO_TIMESTAMPNS = 35
#: A `struct timespec` of two longs. A system with 32 bits has those of 32 bits here, until 2038; its SO_TIMESTAMPNS_NEW
#: (64) came with Linux 5.1.
_TIMESPEC = "ll"
#: What a stamp takes of the buffer for what comes beside a packet.
SIZE = calcsize(_TIMESPEC)

_SECOND = 1_000_000_000
#: Nanoseconds by which two readings of the clocks may differ without a step between them, and a packet may be queued
#: after its stamp. Readings differ by less than 1,000 where nothing interrupts them.
_NOISE = 1_000_000
#: Two looks at one clock that are farther apart than this have been interrupted, and are done again.
_CLOSE = 20_000
_TRIES = 3

#: A descriptor for the life of this process, once there is one: see `keep_stamping`.
_kept: int | None = None


class Reading:
    """Both clocks at one moment, in nanoseconds.

    Args:
        at: The monotonic time.
        ahead: By how much the wall clock is ahead of it.
    """

    __slots__ = ("ahead", "at")

    def __init__(self, at: int, ahead: int) -> None:
        self.at = at
        self.ahead = ahead


def read_clocks() -> Reading:
    """Read the wall clock between two looks at the other one, and again where something came in between."""
    for _ in range(_TRIES):
        before, wall, after = monotonic_ns(), time_ns(), monotonic_ns()
        if after - before <= _CLOSE:
            break
    return Reading(after, wall - (before + after) // 2)


def keep_stamping() -> None:
    """Have the kernel stamp what arrives for as long as this process lives.

    It stamps packets while any socket wants that, and takes up to 10 ms to begin: a third of the dials that came within
    1 ms of the first socket's wish had the time of their reading. A socket that gets none keeps it up. The round trip
    of a small message takes no longer by it (7.8 µs on loopback, with and without).
    """
    global _kept  # noqa: PLW0603 - the kernel's switch is for all of this process too
    if _kept is None:
        try:
            sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
        except OSError:  # no descriptors are left, or no IPv4: the first stamps may be missing then
            return
        ask_for_stamps(sock)
        _kept = sock.detach()


def ask_for_stamps(sock: Socket) -> None:
    """Have the kernel say when each packet arrived, where it can."""
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:  # another architecture, or a sandbox
        return


def find_stamp(extra: list[tuple[int, int, bytes]]) -> int | None:
    """Return the wall-clock time, in nanoseconds, that came beside a packet; ``None`` where none did."""
    for level, kind, data in extra:
        if (level, kind, len(data)) == (_socket.SOL_SOCKET, _SO_TIMESTAMPNS, SIZE):
            seconds, rest = unpack(_TIMESPEC, data)
            return int(seconds * _SECOND + rest)
    return None


def arrival(stamp: int | None, empty: Reading, now: Reading) -> float:
    """Return the monotonic time, in seconds, at which a packet arrived.

    Args:
        stamp: The kernel's time for it, in nanoseconds of the wall clock.
        empty: The clocks when nothing was waiting to be read: it came after that.
        now: The clocks when it had been read. Where the stamp can't be believed, this is the answer.
    """
    if stamp is None or abs(now.ahead - empty.ahead) > _NOISE:
        return now.at / _SECOND
    at = stamp - now.ahead
    if not empty.at - _NOISE <= at <= now.at + _NOISE:
        return now.at / _SECOND
    return min(max(at, empty.at), now.at) / _SECOND
