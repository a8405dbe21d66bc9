"""The directory and the port that a server keeps over its restarts."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import PortInUse
from .ports import Reservation

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PORT_ATTEMPTS = 5


class Site:
    """A directory of its own and, once a server has started there, a port.

    The directory is deleted by `close`, else when the site is forgotten or the interpreter ends, but never by a process
    that was forked.

    Args:
        host: The loopback address.
        port: The port wanted; 0 for any.
        name: For the directory: ``"redis"``.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        self.host = host
        self._wanted = port
        self._reservation: Reservation | None = None
        self.home = Path(tempfile.mkdtemp(prefix=f"pytest-netchaos-{name}-"))
        self.data.mkdir()
        self._delete = weakref.finalize(self, _delete, self.home, os.getpid())

    @property
    def data(self) -> Path:
        """Where the server keeps its data."""
        return self.home / "data"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; ``None`` before the first start."""
        return (self.host, self._reservation.port) if self._reservation else None

    def start(self, launch: Callable[[tuple[str, int]], T]) -> T:
        """Call ``launch`` with the address. A port that nobody asked for or has seen yet is changed if it is taken.

        Raises:
            PortInUse: It is taken, and may not be changed.
        """
        if self._reservation:
            return launch((self.host, self._reservation.port))
        for _ in range(1 if self._wanted else _PORT_ATTEMPTS):
            reservation = Reservation(self._wanted, self.host)
            try:
                result = launch((self.host, reservation.port))
            except PortInUse as error:
                reservation.close()
                taken = error
            except BaseException:
                reservation.close()
                raise
            else:
                self._reservation = reservation
                return result
        raise taken

    def empty(self) -> None:
        """Delete the data."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(exist_ok=True)

    def close(self) -> None:
        """Delete the directory, and give the port back."""
        if self._reservation:
            self._reservation.close()
        self._delete()


def _delete(home: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(home, ignore_errors=True)
