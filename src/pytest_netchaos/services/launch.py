"""Start a Redis server and prove that it serves; prove that it no longer does."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import PortInUse, ServiceError, hide_own_errors
from .process import GuardedProcess
from .resp import Connection, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePath

__tracebackhide__ = hide_own_errors

#: Seconds between two looks at a server that starts: nothing tells other processes that it listens now.
_LOOK_AGAIN = 0.001
#: Seconds for one look; a server that loads its data answers "LOADING" at once.
_LOOK = 0.2

_SETTINGS = {
    "protected-mode": "yes",
    "daemonize": "no",
    "save": "",
    # Each change is handed to the system before its reply is sent, so it survives SIGKILL. fsync would only matter to a
    # machine that fails, and makes a SET four times as slow (112 instead of 28 µs); without any file it takes 27.
    "appendonly": "yes",
    "appendfsync": "no",
    "aof-load-truncated": "yes",
}


#: The files that a server may rewrite, under their usual names.
FILES = ("redis.conf", "sentinel.conf", "nodes.conf")


@dataclass(frozen=True, slots=True)
class Setup:
    """How a server is to be started.

    Args:
        options: Settings, over ours.
        files: The text of each of ``FILES`` that it is to have. One that is there already stays as it is.
        timeout: Seconds until it has to answer.
    """

    options: Mapping[str, str]
    files: Mapping[str, str]
    timeout: float

    def __post_init__(self) -> None:
        """Refuse a file by any other name."""
        if unknown := sorted(set(self.files) - set(FILES)):
            raise ValueError(f"files must be among {', '.join(FILES)}, not {unknown[0]!r}")

    def write_files(self, home: Path) -> None:
        """Put its files there, where there are none yet."""
        for name, text in self.files.items():
            if not (home / name).exists():
                (home / name).write_text(text)


def launch(binary: Path, address: tuple[str, int], *, home: Path, setup: Setup) -> GuardedProcess:
    """Start a server and wait until it answers.

    Args:
        binary: The program.
        address: Where it listens.
        home: A directory that is its own, to be deleted if this process dies; its data is in ``data``.
        setup: How.

    Raises:
        PortInUse: Somebody else listens there.
        ServiceError: It ended, or did not answer in time.
    """
    setup.write_files(home)
    own = {"bind": address[0], "port": str(address[1]), "dir": str(home / "data")}
    arguments = command_line(own, home, setup)
    process = GuardedProcess([str(binary), *arguments], log=home / "redis.log", cwd=home, litter=home)
    try:
        _await_ready(process, address, setup.timeout)
    except BaseException:
        process.close()
        raise
    return process


def command_line(own: Mapping[str, str], home: PurePath, setup: Setup) -> list[str]:
    """The arguments with which a server is started: a file of its settings first, ours over that, and options over all.

    Args:
        own: Settings of this server alone: where it listens.
        home: The directory of its files, as it sees it.
        setup: Which files and options it has. ``sentinel.conf`` makes it a sentinel, ``nodes.conf`` is a cluster's.
    """
    settings = {"logfile": ""}
    mode: list[str] = []
    if "sentinel.conf" in setup.files:
        mode = [str(home / "sentinel.conf"), "--sentinel"]
    else:
        mode = [str(home / "redis.conf")] if "redis.conf" in setup.files else []
        settings |= _SETTINGS
    if "nodes.conf" in setup.files:
        settings["cluster-config-file"] = str(home / "nodes.conf")
    settings |= {**own, **setup.options}
    return [*mode, *(word for name, value in settings.items() for word in (f"--{name}", value))]


def await_refusal(address: tuple[str, int], timeout: float = 5.0, who: str = "Redis") -> float:
    """Dial a server that has ended until the dial is refused. When that was, on ``time.monotonic()``.

    The first dial is, unless something inherited the server's socket: no event says when the last copy is gone.

    Raises:
        ServiceError: Somebody still accepts connections there after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout).close()
        except ConnectionRefusedError:
            return time.monotonic()
        except OSError:
            pass  # accepted into a queue that went away
        time.sleep(_LOOK_AGAIN)
    raise ServiceError(f"{who} has ended, but {address[0]}:{address[1]} still accepts connections: who listens there?")


def _await_ready(process: GuardedProcess, address: tuple[str, int], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not _serves(process.pid, address):
        if process.wait(_LOOK_AGAIN) is not None:
            raise _not_started(process, address)
        if time.monotonic() > deadline:
            raise process.failure(f"is not ready after {timeout:g} s")


def _serves(pid: int, address: tuple[str, int]) -> bool:
    """Whether that very process answers there: while it finds out that the port is taken, another one would."""
    try:
        with Connection(address, _LOOK) as connection:
            pong, about = connection.pipeline([("PING",), ("INFO", "server")])
    except (OSError, ProtocolError):
        return False
    return pong == "PONG" and isinstance(about, bytes) and f"process_id:{pid}\r\n".encode() in about


def _not_started(process: GuardedProcess, address: tuple[str, int]) -> Exception:
    if "already in use" in process.log_tail().lower():
        return PortInUse(f"{address[0]}:{address[1]} is taken by another program: {process.log_tail(1)}")
    return process.failure("did not start")
