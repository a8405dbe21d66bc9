"""The default engine: our own relay, in a process of its own, with nothing to install.

A process and not a thread: in a busy test process the interpreter's lock made a relay's round trip 20.6 ms, against
19 µs in its own process.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from ..addresses import Upstream, loopback
from ..errors import EngineError, PortInUse, hide_own_errors
from ..linklog import LinkLog
from .base import ApiAddress
from .channel import Channel
from .embedded_link import EmbeddedLink

__tracebackhide__ = hide_own_errors

_RELAY = Path(__file__).parent.parent / "relay"
#: Imports the relay as a package of its own, without the rest of this one and without `importlib`'s start-up cost.
_BOOT = (
    "import sys; p = type(sys)('netchaos_relay'); p.__path__ = [sys.argv[1]]; sys.modules[p.__name__] = p; "
    "from netchaos_relay.main import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)
#: Seconds that the relay has to end after its channel was closed; then it is killed.
_GRACE = 2.0


class EmbeddedEngine:
    """Runs the relay and speaks with it."""

    name = "embedded"

    def __init__(self) -> None:
        """Start the relay. It boots while the test goes on: links can be made, and dialled, at once.

        Raises:
            EngineError: this system has no epoll.
        """
        if not hasattr(os, "pidfd_open"):
            raise EngineError(f"the embedded engine needs Linux (epoll and pidfd), and this is {sys.platform}")
        self._links: dict[int, EmbeddedLink] = {}
        self._ids = itertools.count(1)
        self._api: ApiAddress | None = None
        #: Whether the relay sees dials to a closed port; ``None`` until it has said so.
        self._sees_all: bool | None = None
        self._log = tempfile.TemporaryFile(prefix="netchaos-relay-")  # noqa: SIM115 - closed by stop()
        ours, theirs = socket.socketpair()
        try:
            self._process = self._spawn(theirs.fileno())
        except BaseException:
            ours.close()
            self._log.close()
            raise
        finally:
            theirs.close()
        self.channel = Channel(ours, self._event, self._obituary)
        self.channel.post("hello")

    def __repr__(self) -> str:
        """Say which process it is."""
        return f"<embedded engine, process {self._process.pid}>"

    @property
    def pid(self) -> int:
        """The relay's process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can carry links."""
        return self.channel.is_open and self._process.poll() is None

    def open(
        self, name: str, upstream: Upstream, host: str, port: int, seed: int, background: tuple[str, ...] = ()
    ) -> EmbeddedLink:
        """Make a link. It can be dialled when this returns, even if the relay is still booting.

        Args:
            name: What errors and reports call it.
            upstream: Where it leads.
            host: The loopback address to listen at.
            port: The port, or 0 for a free one.
            seed: What the random decisions of its faults are drawn from.
            background: The hosts whose dials are served like any other, and not logged.

        Raises:
            PortInUse: somebody else has the port.
            EngineDied: the relay is dead.
        """
        self.channel.raise_failures()
        listener, keeper = listen(host, port)
        with listener, keeper:
            link = EmbeddedLink(self, self.next_id(), LinkLog(name), listener.getsockname(), seed)
            arguments = (",".join(background), *spell_addresses(upstream.numeric))
            self.carry(link, "link", arguments, (listener, keeper))
        return link

    def api(self, seed: int = 0) -> ApiAddress:
        """Say where its Toxiproxy API listens, on loopback; start it with the first call. Its proxies end with us.

        Args:
            seed: What its proxies draw their random decisions from; the one of the first call stays.

        Raises:
            EngineDied: the relay is dead.
            EngineError: it can't serve an API.
        """
        self.check()
        if self._api is None:
            with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
                self.channel.post("api", seed, fds=[listener.fileno()])
                host, port = listener.getsockname()
                self._api = ApiAddress(host, port, is_shared=False)
        return self._api

    def next_id(self) -> int:
        """Number a link."""
        return next(self._ids)

    def carry(
        self, link: EmbeddedLink, command: str, arguments: Iterable[object], sockets: Iterable[socket.socket]
    ) -> None:
        """Hand a link to the relay, with the sockets that it is to serve; ours may be closed afterwards."""
        with self.channel.locked():
            self._links[link.id] = link
        self.channel.post(command, link.id, *arguments, fds=[sock.fileno() for sock in sockets])

    def forget(self, link: EmbeddedLink) -> None:
        """Take a closed link off the books."""
        with self.channel.locked():
            self._links.pop(link.id, None)

    def sees_all_dials(self) -> bool:
        """Whether the relay sees dials to a closed port."""
        if self._sees_all is None:
            self.channel.request("sync")
        return bool(self._sees_all)

    def check(self) -> None:
        """Raise what went wrong since the last call.

        Raises:
            EngineDied: the relay is dead.
            EngineError: it refused a command.
        """
        if self.channel.is_open and self._process.poll() is not None:
            self.channel.wait(lambda: False, time.monotonic() + 1.0)  # reads the end of the channel, and raises
        self.channel.raise_failures()

    def stop(self) -> None:
        """Hang up, and see the relay end."""
        self.channel.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _spawn(self, channel: int) -> subprocess.Popen[bytes]:
        # -I -S: no site-packages, no user site, no environment: 12 ms to the first line instead of 40.
        command = [sys.executable, "-I", "-S", "-c", _BOOT, str(_RELAY), str(channel), str(os.getpid())]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[channel],
            start_new_session=True,  # a Ctrl-C at the terminal is for pytest: links must outlive its clean-up
            cwd="/",
        )
        _raise_limit(process.pid)
        return process

    def _obituary(self) -> str:
        """Say how the relay ended, and what it wrote last."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        how = f"exit code {code}" if code is None or code >= 0 else f"killed by {signal.Signals(-code).name}"
        return f"relay process {self._process.pid}: {how}\nits log ends with:\n{self._log_tail() or '(nothing)'}"

    def _log_tail(self, lines: int = 20) -> str:
        if self._log.closed:
            return ""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - 8192))
        return "\n".join(self._log.read().decode("utf-8", "replace").splitlines()[-lines:])

    def _event(self, event: list[str]) -> None:
        """Take one event from the relay. Called under the channel's lock."""
        kind = event[0]
        if kind == "hello":
            self._sees_all = event[1] == "1"
        elif kind == "count":
            if link := self._links.get(int(event[1])):
                link.log.counted(*(int(number) for number in event[2:]))
        elif link := self._links.get(int(event[2])):
            link.event(kind, float(event[1]), *event[3:])


def spell_addresses(numeric: Iterable[tuple[str, str, int]]) -> tuple[object, ...]:
    """Write addresses as the relay's commands have them, one after the other."""
    return tuple(part for family_host_port in numeric for part in family_host_port)


def listen(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Return a listening socket, and one that is bound beside it and keeps the port while the other is closed.

    Raises:
        PortInUse: somebody else has the port.
    """
    family, address = loopback(host)
    keeper, listener = socket.socket(family), socket.socket(family)
    try:
        for sock in (keeper, listener):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
            port = sock.getsockname()[1]
        listener.listen(4096)
    except OSError as error:
        keeper.close()
        listener.close()
        raise PortInUse(f"can't listen at {address} port {port}: {error.strerror}; port=0 takes a free one") from None
    return listener, keeper


def _raise_limit(pid: int) -> None:
    """Let a process have as many descriptors as it may: the usual 1024 are 500 connections, a socket for each side.

    Done from here: in the relay, importing ``resource`` would add 0.5 ms to its start.
    """
    with contextlib.suppress(OSError):  # forbidden by a sandbox, or it has ended already: then it says why itself
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
