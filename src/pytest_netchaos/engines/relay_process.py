"""The relay's process: how it starts, how the engine comes to speak with it, and how it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..errors import EngineError, hide_own_errors
from ..session import choices

__tracebackhide__ = hide_own_errors

_RELAY = Path(__file__).parent.parent / "relay"
#: Imports the relay as a package of its own, without the rest of this one and without `importlib`'s start-up cost.
_BOOT = (
    "import sys; p = type(sys)('netchaos_relay'); p.__path__ = [sys.argv[1]]; sys.modules[p.__name__] = p; "
    "from netchaos_relay.{module} import main; main(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])"
)
#: Seconds that the relay has to end after its channel was closed; then it is killed.
_GRACE = 2.0
#: Seconds that it has to dial us, where it does; it takes 0.04.
_PATIENCE = 20.0


def relay_kind() -> str:
    """Say how the relay is to work: see `choices.relay`.

    Raises:
        EngineError: ``NETCHAOS_RELAY`` has a wrong value.
    """
    is_linux = hasattr(os, "pidfd_open") and hasattr(select, "epoll")
    try:
        return choices.relay(os.environ.get(choices.RELAY_VARIABLE, ""), is_linux=is_linux)
    except ValueError as error:
        raise EngineError(str(error)) from None


class RelayProcess:
    """Runs the relay. `sock` is our end of its control channel.

    Args:
        kind: As `choices.relay` gives it. On Linux the relay inherits its end of a socketpair, and is spoken to at
            once. Elsewhere it dials us and shows a token, and this waits until it has.

    Raises:
        EngineError: it has not started.
    """

    def __init__(self, kind: str) -> None:
        self._log = tempfile.TemporaryFile(prefix="netchaos-relay-")  # noqa: SIM115 - closed by stop()
        try:
            self.sock = self._inherited() if kind == "linux" else self._dialled(kind)
        except BaseException:
            self._log.close()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def wait(self, timeout: float) -> None:
        """Wait until it has ended.

        Raises:
            subprocess.TimeoutExpired: it has not, within ``timeout`` seconds.
        """
        self._process.wait(timeout)

    def stop(self) -> None:
        """See it end, once the channel is closed."""
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def obituary(self) -> str:
        """Say how it ended, and what it wrote last."""
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

    def _inherited(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                channel = theirs.fileno()
                self._process = self._spawn("main", channel, subprocess.DEVNULL, pass_fds=(channel,))
        except BaseException:
            ours.close()
            raise
        _raise_limit(self._process.pid)
        return ours

    def _dialled(self, poller: str) -> socket.socket:
        token = os.urandom(16).hex().encode()  # not an argument: those are for everybody to read
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self._process = self._spawn("main_portable", port, subprocess.PIPE, poller)
            try:
                return self._await_dial(listener, token)
            except BaseException:
                self._process.kill()
                self._process.wait()
                raise

    def _await_dial(self, listener: socket.socket, token: bytes) -> socket.socket:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # it has ended: said below
            stdin.write(token)
        listener.settimeout(0.1)
        deadline = time.monotonic() + _PATIENCE
        while self.is_alive and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                sock, _ = listener.accept()
                if _shows(sock, token):
                    return sock
        raise EngineError(f"the relay has not started within {_PATIENCE:g} s\n{self.obituary()}")

    def _spawn(
        self, module: str, channel: int, stdin: int, *arguments: str, pass_fds: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        # -I -S: no site-packages, no user site, no environment: 12 ms to the first line instead of 40.
        boot = _BOOT.format(module=module)
        command = [sys.executable, "-I", "-S", "-c", boot, str(_RELAY), str(channel), str(os.getpid()), *arguments]
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # a Ctrl-C at the terminal is for pytest: links must outlive its clean-up
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same, on Windows
            cwd="/",
            pass_fds=pass_fds,
        )


def _shows(sock: socket.socket, token: bytes) -> bool:
    """Whether whoever has dialled knows the token; anybody on this machine may dial."""
    from hmac import compare_digest  # noqa: PLC0415 - not on Linux

    sock.settimeout(1.0)
    shown = b""
    try:
        while len(shown) < len(token) and (data := sock.recv(len(token) - len(shown))):
            shown += data
        if compare_digest(shown, token):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return True
    except OSError:
        pass
    sock.close()
    return False


def _raise_limit(pid: int) -> None:
    """Let a process have as many descriptors as it may: the usual 1024 are 500 connections, a socket for each side.

    Done from here: in the relay, importing ``resource`` would add 0.5 ms to its start.
    """
    import resource  # noqa: PLC0415 - not on Windows

    with contextlib.suppress(OSError):  # forbidden by a sandbox, or it has ended already: then it says why itself
        _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
