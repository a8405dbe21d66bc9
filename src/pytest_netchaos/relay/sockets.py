"""The few socket calls that the relay needs, and what their errors mean.

``_socket`` is what ``socket`` wraps: the wrapper's ``selectors`` and ``enum`` would cost 14 ms at start.
"""

from __future__ import annotations

import _socket
import errno
import sys
from struct import pack, unpack

if sys.platform == "linux":
    from fcntl import ioctl  # at once: when it is needed, there may be no descriptor left to read the module with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812 - a class, under the name it has elsewhere
    from typing import TypeAlias

    #: A (host, port) pair, or the path of a Unix socket.
    Address: TypeAlias = "tuple[str, int] | str"

#: A backlog that no test fills: the kernel caps it at net.core.somaxconn.
BACKLOG = 4096
_FIONREAD = 0x541B  # termios.FIONREAD on Linux
_SIOCOUTQ = 0x5411  # the same as termios.TIOCOUTQ there
_SIOCOUTQNSD = 0x894B
_TCP_INFO = getattr(_socket, "TCP_INFO", None)  # on Linux; its first byte is the state
_ESTABLISHED = b"\x01"
_IS_WINDOWS = sys.platform == "win32"
_RST_ON_CLOSE = pack("hh" if _IS_WINDOWS else "ii", 1, 0)  # Winsock has two shorts in its `struct linger`

#: What a socket says whose peer has sent an RST, after the handshake. (During it: ECONNREFUSED.)
RESETS = (errno.ECONNRESET, errno.EPIPE)
#: No descriptor is left, for this process or for the machine.
EXHAUSTED = (errno.EMFILE, errno.ENFILE)
#: A connect that goes on. A Unix socket with a full backlog says EAGAIN, and isn't trying.
_CONNECTING = getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)

#: Python has no Unix sockets on Windows: there no address is one.
AF_UNIX: int = getattr(_socket, "AF_UNIX", -1)
FAMILIES = {"4": _socket.AF_INET, "6": _socket.AF_INET6, "u": AF_UNIX}


def adopt(fd: int) -> Socket:
    """Make a non-blocking socket of a descriptor that came from elsewhere."""
    sock = _socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock


def bind(family: int, address: Address | tuple[object, ...], *, dual: bool = False) -> Socket:
    """Bind at ``address``, beside others that do, as long as none of them listens.

    On Windows without any option: SO_REUSEADDR would let others take the port, and SO_EXCLUSIVEADDRUSE would refuse it
    to ourselves as long as connections from there are open (Microsoft, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").

    Args:
        family: The address family.
        address: Where.
        dual: Whether an IPv6 socket is to serve IPv4 too.

    Raises:
        OSError: the port can't be had.
    """
    sock = _socket.socket(family, _socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if not _IS_WINDOWS:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, not dual)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def listen(family: int, address: Address | tuple[object, ...], *, dual: bool = False) -> Socket:
    """Listen at ``address``, beside the socket that keeps its port reserved.

    Raises:
        OSError: the port can't be had.
    """
    sock = bind(family, address, dual=dual)
    try:
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def pair() -> tuple[Socket, Socket]:
    """Return two ends of a local stream, with which a thread or a signal wakes a loop."""
    if hasattr(_socket, "socketpair"):
        ours, theirs = _socket.socketpair()
    else:
        from socket import socketpair  # noqa: PLC0415 - Windows: it is made of TCP there

        ours, theirs = (_socket.socket(fileno=sock.detach()) for sock in socketpair())
    for sock in (ours, theirs):
        sock.setblocking(False)
    return ours, theirs


def accept(listener: Socket) -> tuple[Socket, tuple[object, ...]]:
    """Accept one connection.

    Raises:
        BlockingIOError: nobody is waiting.
        OSError: no descriptors are left, or the client has gone again.
    """
    fd, peer = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001 - what socket.accept() wraps
    sock = _socket.socket(listener.family, _socket.SOCK_STREAM, listener.proto, fd)  # told all, it asks the kernel less
    sock.setblocking(False)
    return sock, peer


def dial(family: int, address: Address) -> Socket:
    """Start to connect; the socket becomes writable when that has succeeded or failed.

    Raises:
        OSError: it failed at once.
    """
    sock = _socket.socket(family, _socket.SOCK_STREAM)
    sock.setblocking(False)
    failed = sock.connect_ex(address)  # which is in progress, mostly: an exception would take longer than the call
    if failed and failed != _CONNECTING:
        sock.close()
        raise OSError(failed, why(failed))
    return sock


def connect_error(sock: Socket) -> int | None:
    """Say how a connect ended: 0, an errno, or ``None`` while it goes on."""
    if (
        _TCP_INFO is not None
        and sock.family != AF_UNIX
        and sock.getsockopt(_socket.IPPROTO_TCP, _TCP_INFO, 1) == _ESTABLISHED
    ):
        return 0
    failed = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
    if failed:
        return failed
    try:
        sock.getpeername()
    except OSError as error:
        if error.errno == errno.EINVAL:  # macOS: it was connected, and both directions are over
            return errno.ECONNRESET
        return None if error.errno == errno.ENOTCONN else error.errno
    return 0


def no_delay(sock: Socket) -> None:
    """Send small messages at once: the relay adds no waiting of its own."""
    if sock.family == AF_UNIX:
        return
    try:
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    except OSError:  # macOS refuses any option once the peer has sent an RST, which the next read will say
        return


def unread(sock: Socket) -> int:
    """Count the bytes that have arrived and were not read."""
    if sys.platform != "linux":
        return peeked(sock)
    count: int = unpack("i", ioctl(sock.fileno(), _FIONREAD, b"\0\0\0\0"))[0]
    return count


def unconfirmed(sock: Socket) -> int:
    """Count the bytes that were written and that the peer's system has not confirmed; where nobody can say, 0.

    A Unix socket's are the peer's at once, and no RST takes them away again.
    """
    if sys.platform != "linux" or sock.family == AF_UNIX:
        return 0
    return _ask(sock, _SIOCOUTQ)


def unsent(sock: Socket) -> int:
    """Count the bytes that were written and that our system has not sent; where nobody can say, 0.

    On loopback, what was sent is with its receiver; the confirmation may come 40 ms later.
    """
    return 0 if sys.platform != "linux" or sock.family == AF_UNIX else _ask(sock, _SIOCOUTQNSD)


def _ask(sock: Socket, request: int) -> int:
    count: int = unpack("i", ioctl(sock.fileno(), request, b"\0\0\0\0"))[0]
    return count


def peeked(sock: Socket) -> int:
    """Count as `unread` does, by looking at the bytes themselves: each system has FIONREAD in another way."""
    size = 65536
    while True:
        try:
            count = len(sock.recv(size, _socket.MSG_PEEK))
        except OSError:  # nothing is there, or it can't be read any more
            return 0
        if count < size:
            return count
        size *= 4


def glance(sock: Socket) -> str:
    """Say what a read would meet, without reading: ``"gone"``, ``"broken"``, or ``""``. It sees no end behind bytes."""
    try:
        if sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR):
            return "broken"
        return "" if sock.recv(1, _socket.MSG_PEEK) else "gone"
    except BlockingIOError:
        return ""
    except OSError:
        return "broken"


def discard(sock: Socket, reads: int) -> str:
    """Read and forget what has arrived; say ``"gone"``, ``"empty"``, or ``"more"`` after so many reads."""
    try:
        for _ in range(reads):
            if not sock.recv(65536):
                return "gone"
    except BlockingIOError:
        return "empty"
    except OSError:
        return "gone"
    return "more"


def send_fin(sock: Socket) -> None:
    """Send a FIN after the bytes that were written; a peer that has gone needs none."""
    try:
        sock.shutdown(_socket.SHUT_WR)
    except OSError:
        return


def close_with_rst(sock: Socket) -> None:
    """Send an RST and close: linger on, for no time, makes the kernel do that."""
    try:
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, _RST_ON_CLOSE)
    except OSError:  # macOS: the peer was faster
        return
    finally:
        sock.close()


def name(peer: object) -> str:
    """Write an address as people do: ``127.0.0.1:5432``, ``[::1]:5432``, ``/run/db.sock``."""
    if not isinstance(peer, tuple):
        return str(peer)
    host, port = peer[0], peer[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def why(error: int) -> str:
    """Name an errno: ``ECONNREFUSED``."""
    return errno.errorcode.get(error, f"errno {error}")
