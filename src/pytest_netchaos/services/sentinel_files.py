"""What a sentinel, and a server that it watches, are told before they start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .topology import BACKGROUND

if TYPE_CHECKING:
    from .topology import Place

#: For ``SENTINEL DEBUG`` (of Redis 7): periods in ms, which a test would wait for. Usually a sentinel dials and pings
#: once in a second, publishes every 2 s, asks for roles every 10 s, and sulks for 30 s when it was held up for 2.
#: A ping takes no less than 250: replicas that were silent for 5 of them aren't promoted, and in an outage they are
#: asked for their state once in a second only.
HASTE = {
    "ping-period": 250,
    "info-period": 200,
    "ask-period": 200,
    "publish-period": 200,
    "min-link-reconnect-period": 500,
    "tilt-period": 1000,
}


def server_options(place: Place) -> dict[str, str]:
    """The settings of a primary or a replica: it goes by its link's address."""
    return {
        "bind-source-addr": BACKGROUND,
        "replica-announce-ip": place.link.host,
        "replica-announce-port": str(place.link.port),
        # One copy on disk serves all replicas that come while it is made; one that is streamed serves those that were
        # there when it began, and others wait for 1 s. Its end is seen within 20 ms.
        "repl-diskless-sync": "no",
        # Straight from the socket: Valkey looks once in a second whether the thread that writes a file has done so.
        "repl-diskless-load": "swapdb",
        "hz": "50",
    }


def server_file(primary: Place | None) -> str:
    """The ``redis.conf`` of a server, which sentinels will have it rewrite: whose replica it is, if anybody's."""
    return f"replicaof {primary.link.host} {primary.link.port}\n" if primary else "# the primary\n"


def sentinel_options() -> dict[str, str]:
    """The settings of a sentinel that it has no need to rewrite."""
    return {"bind-source-addr": BACKGROUND}


def sentinel_file(
    mine: int,
    ids: Sequence[str],
    sentinels: Sequence[Place],
    servers: Sequence[Place],
    *,
    service: str,
    quorum: int,
    down_after: float,
) -> str:
    """The ``sentinel.conf`` of one sentinel. It knows everybody already, by links: to discover them takes 2 s and more.

    Args:
        mine: Its index in ``sentinels``.
        ids: 40 hexadecimal digits for each sentinel.
        sentinels: Where they are.
        servers: The primary, and then its replicas.
        service: What clients call the primary.
        quorum: How many sentinels have to miss it.
        down_after: Seconds for which they have to miss it.
    """
    primary, *replicas = servers
    own = sentinels[mine].link
    lines = [
        f"sentinel myid {ids[mine]}",
        f"sentinel announce-ip {own.host}",
        f"sentinel announce-port {own.port}",
        f"sentinel monitor {service} {primary.link.host} {primary.link.port} {quorum}",
        f"sentinel down-after-milliseconds {service} {round(down_after * 1000)}",
        # A failover that got stuck is given up after this, and tried again after twice as much.
        f"sentinel failover-timeout {service} 1000",
        f"sentinel parallel-syncs {service} {max(1, len(replicas))}",
    ]
    lines += [f"sentinel known-replica {service} {each.link.host} {each.link.port}" for each in replicas]
    lines += [
        f"sentinel known-sentinel {service} {each.link.host} {each.link.port} {ids[index]}"
        for index, each in enumerate(sentinels)
        if index != mine
    ]
    return "\n".join([*lines, ""])
