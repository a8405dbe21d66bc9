"""The directory and the port that a server keeps over its restarts."""

from __future__ import annotations

import os
import shutil
import weakref
from typing import TYPE_CHECKING, TypeVar

from . import litter
from .ports import LastingAddress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


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
        self._lasting = LastingAddress(host, port)
        self.home = litter.make(name)
        self.data.mkdir()
        self._delete = weakref.finalize(self, _delete, self.home, os.getpid())

    @property
    def data(self) -> Path:
        """Where the server keeps its data."""
        return self.home / "data"

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; ``None`` before the first start."""
        return self._lasting.address

    def start(self, launch: Callable[[tuple[str, int]], T]) -> T:
        """As `LastingAddress.start`."""
        return self._lasting.start(launch)

    def empty(self) -> None:
        """Delete the data."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(exist_ok=True)

    def close(self) -> None:
        """Delete the directory, and give the port back."""
        self._lasting.close()
        self._delete()


def _delete(home: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(home, ignore_errors=True)
