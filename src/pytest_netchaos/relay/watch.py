"""See the dials that nobody accepts.

The kernel answers a SYN to a closed port by itself, and tells nobody. Where this process may open a raw socket (root,
CAP_NET_RAW), it gets a copy of every TCP packet that arrives; a filter in the kernel lets only opening SYNs through.
Each comes with the time of its arrival: a relay that was held up dates it as well as another.
"""

from __future__ import annotations

import _socket
import errno
import sys
from struct import pack, unpack_from
from time import monotonic

from . import sockets
from .stamps import SIZE, arrival, ask_for_stamps, find_stamp, keep_stamping, read_clocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from array import array
    from collections.abc import Callable

    from .loop import Loop
    from .stamps import Reading

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

#: The filters as the kernel takes them, by family, once they have been needed.
_programs: dict[int, array[int]] = {}

#: Where an IPv4 header has the destination; and what `recvmsg` needs to say that of an IPv6 packet.
_IPV4_DESTINATION = slice(16, 20)
_PKTINFO_SIZE = 20  # an address, and the number of an interface
_EXTRA_SIZE = _socket.CMSG_SPACE(_PKTINFO_SIZE) + _socket.CMSG_SPACE(SIZE) if hasattr(_socket, "CMSG_SPACE") else 0


def may_watch() -> bool:
    """Whether this process may see every dial. It tries no filter, which would cost 5 ms: see `SynWatch.add`."""
    if sys.platform != "linux":  # elsewhere a raw socket gets no TCP packets, or there is none
        return False
    try:
        _socket.socket(_socket.AF_INET, _socket.SOCK_RAW, _socket.IPPROTO_TCP).close()
    except OSError:
        return False
    return True


class SynWatch:
    """Tells the ports that are closed who dialled them. Without the right to see, it tells nothing.

    Args:
        loop: Where it reads.
        allowed: Whether it has that right: see `may_watch`.
    """

    def __init__(self, loop: Loop, *, allowed: bool) -> None:
        self._loop = loop
        self._allowed = allowed
        self._sockets: dict[int, Socket] = {}
        #: When each of them had nothing more to read.
        self._emptied: dict[int, Reading] = {}
        #: By family and (host, port): every address of 127.0.0.0/8 has ports of its own.
        self._wanted: dict[int, dict[tuple[str, int], Callable[[str, float], None]]] = {}
        if allowed:
            keep_stamping()
            loop.call_at(monotonic() + _IDLE, _warm_up)

    def add(self, family: int, address: tuple[str, int], on_syn: Callable[[str, float], None]) -> None:
        """Call ``on_syn(peer, at)`` for each SYN to ``address`` from now on, with the monotonic time of its arrival.

        Raises:
            OSError: it can't be seen, although it seemed so at first: no descriptors are left, or a sandbox forbids
                filters, or IPv6. Nothing is to be removed then.
        """
        if self._allowed and family not in self._sockets:
            self._open(family)
        self._wanted.setdefault(family, {})[address] = on_syn

    def remove(self, family: int, address: tuple[str, int]) -> None:
        """Forget ``address``. While nobody asks, no packet is copied for us."""
        wanted = self._wanted.get(family, {})
        wanted.pop(address, None)
        if not wanted and family in self._sockets:
            sock = self._sockets.pop(family)
            self._loop.forget(sock.fileno())
            sock.close()

    def catch_up(self, family: int) -> None:
        """Report what has arrived until now."""
        if family in self._sockets:
            self._read(family)

    def _open(self, family: int) -> None:
        sock = _open(family)
        try:
            self._loop.watch(sock.fileno(), lambda _: self._read(family))
        except OSError:
            sock.close()
            raise
        self._sockets[family] = sock
        self._emptied[family] = read_clocks()

    def _read(self, family: int) -> None:
        while (sock := self._sockets.get(family)) is not None:
            try:
                packet, extra, _, sender = sock.recvmsg(128, _EXTRA_SIZE)
            except BlockingIOError:
                self._emptied[family] = read_clocks()
                return
            self._report(family, packet, extra, sender[0])

    def _report(self, family: int, packet: bytes, extra: list[tuple[int, int, bytes]], sender: str) -> None:
        start = (packet[0] & 15) * 4 if family == _socket.AF_INET else 0
        if len(packet) <= start + _FLAGS or packet[start + _FLAGS] & (_SYN | _ACK) != _SYN:
            return  # it came before the filter
        source, port = unpack_from("!HH", packet, start)
        if on_syn := self._wanted[family].get((_destination(family, packet, extra), port)):
            on_syn(sockets.name((sender, source)), arrival(find_stamp(extra), self._emptied[family], read_clocks()))


def _destination(family: int, packet: bytes, extra: list[tuple[int, int, bytes]]) -> str:
    """Say which address a packet was sent to: a raw IPv6 socket shows no header, but says so beside the packet."""
    if family == _socket.AF_INET:
        return _socket.inet_ntop(family, packet[_IPV4_DESTINATION])
    for level, kind, data in extra:
        if (level, kind) == (_socket.IPPROTO_IPV6, _socket.IPV6_PKTINFO):
            return _socket.inet_ntop(family, data[:16])
    return ""


def _warm_up() -> None:
    """Prepare what the first `_open` will need: 5 ms, since ``array`` imports ``collections``."""
    for family in _FILTERS:
        try:
            _program(family)
        except OSError:  # no descriptors are left; there may be some when it is needed
            return


def _program(family: int) -> bytes:
    """Return what attaches the filter: its length and its address, where ``_programs`` keeps it."""
    if family not in _programs:
        try:
            from array import array  # noqa: PLC0415 - not at start, see `_warm_up`
        except ImportError as error:  # no descriptor was left to read it with
            raise OSError(errno.EMFILE, str(error)) from None
        _programs[family] = array("B", b"".join(pack("HBBI", *op) for op in _FILTERS[family]))
    address, length = _programs[family].buffer_info()
    return pack("HP", length // 8, address)


def _open(family: int) -> Socket:
    program = _program(family)
    sock = _socket.socket(family, _socket.SOCK_RAW, _socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        ask_for_stamps(sock)
        if family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(_socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        _forget_all(sock)
    except OSError:
        sock.close()
        raise
    return sock


def _forget_all(sock: Socket) -> None:
    """Read what came before the filter: all traffic of the machine, which may have left no room for a SYN."""
    while True:
        try:
            sock.recv(1)
        except BlockingIOError:
            return
