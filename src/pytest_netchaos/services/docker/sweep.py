"""Remove containers and networks: one owner's, or those of dead owners."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from .owner import RUN, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.networks import Network

#: At a time. The daemon removes them one after the other in part (0.2 s for a few ports, 1.8 s for hundreds).
_THREADS = 8
#: Seconds for somebody else to end the removal that he has begun.
_PATIENCE = 20.0
#: Seconds between two looks at that: the daemon has no event for a removal that fails.
_LOOK_AGAIN = 0.02
_NOT_FOUND, _FORBIDDEN, _CONFLICT = 404, 403, 409


def sweep(client: DockerClient) -> int:
    """Remove what dead owners have left. What lives, and what isn't ours or can't be judged, is never touched.

    Returns:
        How many containers and networks there were.
    """
    containers = [one for one in _containers(client, [RUN]) if _is_litter(one.attrs["Labels"])]
    networks = [one for one in client.networks.list(filters={"label": [RUN]}) if _is_litter(one.attrs["Labels"])]
    _remove(containers, networks)
    return len(containers) + len(networks)


def remove_owned(client: DockerClient, owner: Owner) -> int:
    """Remove what an owner has.

    Returns:
        How many containers and networks there were.
    """
    labels = [f"{name}={value}" for name, value in owner.labels().items()]
    containers = _containers(client, labels)
    networks = client.networks.list(filters={"label": labels})
    _remove(containers, networks)
    return len(containers) + len(networks)


def remove_container(container: Container) -> None:
    """Kill and remove a container with its anonymous volumes; fine if somebody else does or has."""
    _until_gone(partial(container.remove, force=True, v=True))


def remove_network(network: Network) -> None:
    """Remove a network; fine if somebody else does or has."""
    _until_gone(network.remove)


def _containers(client: DockerClient, labels: list[str]) -> list[Container]:
    # Not models that each ask for more: those that end meanwhile would be an error.
    found: list[Container] = client.containers.list(all=True, sparse=True, filters={"label": labels})
    return found


def _is_litter(labels: Mapping[str, str] | None) -> bool:
    owner = Owner.from_labels(labels or {})
    return owner is not None and owner.is_dead()


def _remove(containers: Iterable[Container], networks: Iterable[Network]) -> None:
    """Side by side, the networks after the containers that hold them."""
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(remove_container, containers))
        list(threads.map(remove_network, networks))


def _until_gone(remove: Callable[[], None]) -> None:
    """Try until it is gone: while somebody else removes it, or what holds it, the daemon says that it can't be done."""
    from docker.errors import APIError  # noqa: PLC0415

    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return remove()
        except APIError as error:
            if error.status_code == _NOT_FOUND:
                return None
            if error.status_code not in {_FORBIDDEN, _CONFLICT} or time.monotonic() > deadline:
                raise
        time.sleep(_LOOK_AGAIN)
