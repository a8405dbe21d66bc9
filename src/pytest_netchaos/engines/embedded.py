"""The default engine: our own relay, in a process of its own, with nothing to install.

A process and not a thread: in a busy test process the interpreter's lock made a relay's round trip 20.6 ms, against
19 µs in its own process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from ..addresses import Upstream, loopback
from ..errors import EngineError, PortInUse, hide_own_errors
from ..faults import Delay, Fault, Flap, Throttle
from ..history import Closer, Ending, History
from ..linklog import LinkLog
from . import audit
from .channel import Channel

__tracebackhide__ = hide_own_errors

_RELAY = Path(__file__).parent.parent / "relay"
#: Imports the relay as a package of its own, without the rest of this one and without `importlib`'s start-up cost.
_BOOT = (
    "import sys; p = type(sys)('netchaos_relay'); p.__path__ = [sys.argv[1]]; sys.modules[p.__name__] = p; "
    "from netchaos_relay.main import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)
_BLIND = (
    "dials that were refused to other processes can't be seen without the right to open a raw socket "
    "(root, or CAP_NET_RAW)"
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
        self._count = 0
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
        self._count += 1
        listener, keeper = _listen(host, port)
        with listener, keeper:
            link = EmbeddedLink(self, self._count, LinkLog(name), listener.getsockname(), seed)
            with self.channel.locked():
                self._links[link.id] = link
            numeric = [part for family_host_port in upstream.numeric for part in family_host_port]
            self.channel.post("link", link.id, ",".join(background), *numeric, fds=[listener.fileno(), keeper.fileno()])
        return link

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
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[channel],
            start_new_session=True,  # a Ctrl-C at the terminal is for pytest: links must outlive its clean-up
            cwd="/",
        )

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


class EmbeddedLink:
    """A link that the relay carries."""

    def __init__(self, engine: EmbeddedEngine, id_: int, log: LinkLog, address: tuple[str, int], seed: int) -> None:
        self.id = id_
        self.log = log
        self.host, self.port = address[:2]
        self._engine = engine
        self._channel = engine.channel
        self._seed = seed
        self._faults = 0

    def inject(self, fault: Fault, for_: float | None) -> int:
        """Put ``fault`` in force, for ``for_`` seconds or until healed; return its id when it is."""
        inner = fault.fault if isinstance(fault, Flap) else fault
        if inner.kind in ("cut", "refuse") and not self._engine.sees_all_dials():
            self.log.blind = _BLIND
            audit.listen_in(self.host, self.port, self._overhear)
        with self._channel.locked():
            self._faults += 1
            fault_id = self._faults
            self.log.injected(fault_id, fault, for_)
        self._channel.request("fault", self.id, fault_id, self._seed, *_spell(inner), *_rhythm(fault, for_))
        return fault_id

    def heal(self, fault_id: int) -> None:
        """Take a fault back; return when it is no longer in force."""
        self._channel.request("heal", self.id, fault_id)

    def close(self) -> None:
        """End every connection and give the port back."""
        audit.stop_listening(self.host, self.port)
        try:
            self._channel.request("unlink", self.id)
        finally:
            self._engine.forget(self)

    def history(self) -> History:
        """Everything that the link saw until now."""
        now = self._channel.request("sync")
        with self._channel.locked():
            return self.log.history(now)

    def wait(self, enough: Callable[[LinkLog], bool], until: float, cancelled: Callable[[], bool]) -> bool:
        """Wait until ``enough(log)``, the monotonic time ``until``, or ``cancelled()``; say whether it is enough."""
        return self._channel.wait(lambda: enough(self.log), until, cancelled)

    def nudge(self) -> None:
        """Make a waiting `wait` look at ``cancelled()``."""
        self._channel.nudge()

    def _overhear(self, at: float) -> None:
        with self._channel.locked():
            self.log.overheard(at)
        self._channel.nudge()

    def event(self, kind: str, at: float, *fields: str) -> None:
        """Take one of this link's events from the relay."""
        log = self.log
        match kind:
            case "dial":
                log.dialled(at, fields[1])
            case "open":
                log.opened(at, int(fields[0]))
            case "hup":
                log.hung_up(at, int(fields[0]))
            case "refused":
                log.refused(at, int(fields[0]), fields[1])
            case "close":
                log.closed(at, int(fields[0]), cast("Closer", fields[1]), cast("Ending", fields[2]), fields[3])
            case "on":
                log.struck(at, int(fields[0]), int(fields[1]), tuple(map(int, filter(None, fields[2].split(",")))))
            case "off":
                log.healed(at, int(fields[0]))
            case "over":
                log.over(int(fields[0]))
            case "trouble":
                log.troubles.append(fields[0])
            case _:  # pragma: no cover - both ends come from one installation
                raise EngineError(f"the relay sent an event that nobody knows: {kind!r}")


def _listen(host: str, port: int) -> tuple[socket.socket, socket.socket]:
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


def _spell(fault: Fault) -> Iterator[object]:
    """Write a fault as the relay's ``fault`` command has it: kind, direction, toxicity, and two numbers."""
    yield fault.kind
    yield getattr(fault, "direction", "both")
    yield getattr(fault, "toxicity", 1.0)
    match fault:
        case Delay():
            yield from (fault.latency, fault.jitter)
        case Throttle():
            yield from (fault.rate, 0)
        case _:
            yield from (0, 0)


def _rhythm(fault: Fault, for_: float | None) -> Iterator[object]:
    """Write when it is in force."""
    if not isinstance(fault, Flap):
        yield from ("once", "inf" if for_ is None else for_)
        return
    yield "flap"
    for span in (fault.down, fault.up):
        yield from span if isinstance(span, tuple) else (span, span)
    yield fault.cycles or 0
