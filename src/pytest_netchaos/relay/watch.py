"""See the dials that nobody accepts.

The kernel answers a SYN to a closed port by itself, and tells nobody. Where this process may open a raw socket (root,
CAP_NET_RAW), it gets a copy of every TCP packet that arrives; a filter in the kernel lets only opening SYNs through.
"""

from __future__ import annotations

import _socket
from struct import pack, unpack_from
from time import monotonic

from . import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable

    from .loop import Loop

#: Seconds after the start in which the first bytes have come through, and something slow may be done.
_IDLE = 0.1
_SO_ATTACH_FILTER = 26
_SYN, _ACK = 0x02, 0x10
_FLAGS = 13  # the offset of the flags in a TCP header

# Classic BPF: (code, jump if true, jump if false, operand). A raw IPv4 socket sees the IP header, an IPv6 one doesn't.
_LOAD_IP_HEADER_LENGTH = (0xB1, 0, 0, 0)  # ldxb 4*([0]&0xf)
_LOAD_FLAGS_AFTER_IP_HEADER = (0x50, 0, 0, _FLAGS)  # ldb [x+13]
_LOAD_FLAGS = (0x30, 0, 0, _FLAGS)  # ldb [13]
_ONLY_SYN = [(0x54, 0, 0, _SYN | _ACK), (0x15, 0, 1, _SYN), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)]
_FILTERS = {
    _socket.AF_INET: [_LOAD_IP_HEADER_LENGTH, _LOAD_FLAGS_AFTER_IP_HEADER, *_ONLY_SYN],
    _socket.AF_INET6: [_LOAD_FLAGS, *_ONLY_SYN],
}


def may_watch() -> bool:
    """Whether this process may see every dial."""
    try:
        _socket.socket(_socket.AF_INET, _socket.SOCK_RAW, _socket.IPPROTO_TCP).close()
    except OSError:
        return False
    return True


class SynWatch:
    """Tells the ports that are closed who dialled them. Without the right to see, it tells nothing."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._allowed = may_watch()
        self._sockets: dict[int, Socket] = {}
        self._wanted: dict[tuple[int, int], Callable[[str], None]] = {}
        loop.call_at(monotonic() + _IDLE, _warm_up)

    def add(self, family: int, port: int, on_syn: Callable[[str], None]) -> None:
        """Call ``on_syn(peer)`` for each SYN to ``port`` from now on."""
        self._wanted[family, port] = on_syn
        if self._allowed and family not in self._sockets:
            self._sockets[family] = sock = _open(family)
            self._loop.watch(sock.fileno(), lambda _: self._read(family))

    def remove(self, family: int, port: int) -> None:
        """Forget ``port``. While nobody asks, no packet is copied for us."""
        self._wanted.pop((family, port), None)
        if not any(wanted == family for wanted, _ in self._wanted) and family in self._sockets:
            sock = self._sockets.pop(family)
            self._loop.forget(sock.fileno())
            sock.close()

    def catch_up(self, family: int) -> None:
        """Report what has arrived until now."""
        if family in self._sockets:
            self._read(family)

    def _read(self, family: int) -> None:
        while (sock := self._sockets.get(family)) is not None:
            try:
                packet, sender = sock.recvfrom(128)
            except BlockingIOError:
                return
            self._report(family, packet, sender[0])

    def _report(self, family: int, packet: bytes, sender: str) -> None:
        start = (packet[0] & 15) * 4 if family == _socket.AF_INET else 0
        if len(packet) <= start + _FLAGS or packet[start + _FLAGS] & (_SYN | _ACK) != _SYN:
            return  # it came before the filter
        source, target = unpack_from("!HH", packet, start)
        if on_syn := self._wanted.get((family, target)):
            on_syn(sockets.name((sender, source)))


def _warm_up() -> None:
    """Import what the first `_open` will need: 5 ms, since ``array`` imports ``collections``."""
    try:
        import array  # noqa: F401, PLC0415
    except (ImportError, OSError):  # no descriptors are left; there may be some when it is needed
        return


def _open(family: int) -> Socket:
    from array import array  # noqa: PLC0415 - not at start, see `_warm_up`

    sock = _socket.socket(family, _socket.SOCK_RAW, _socket.IPPROTO_TCP)
    sock.setblocking(False)
    program = array("B", b"".join(pack("HBBI", *op) for op in _FILTERS[family]))
    address, length = program.buffer_info()
    sock.setsockopt(_socket.SOL_SOCKET, _SO_ATTACH_FILTER, pack("HP", length // 8, address))
    return sock
