"""What the nodes of a cluster are told before they start, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .topology import Place

SLOTS = 16384


@dataclass(frozen=True, slots=True)
class Seat:
    """What one node of a cluster is going to be.

    **Why it has a predecessor.** A node that starts as a primary answers nothing for 2 s, a rule that no setting
    changes; one that starts as a replica, and then takes over from its primary, answers at once. So each starts as the
    replica of a primary that nobody ever sees, takes its slots over, and everybody forgets that one: 0.2 s in all.
    """

    place: Place
    #: The port on which the nodes speak with each other, past the links.
    bus: int
    #: 40 hexadecimal digits each.
    id: str
    predecessor: str
    slots: range


def share_out(count: int) -> list[range]:
    """Share the slots out among so many nodes, as evenly as can be."""
    bounds = [SLOTS * n // count for n in range(count + 1)]
    return [range(bounds[n], bounds[n + 1]) for n in range(count)]


def node_options(seat: Seat) -> dict[str, str]:
    """The settings of a node: it goes by its link's address."""
    return {
        "cluster-enabled": "yes",
        "cluster-port": str(seat.bus),
        "cluster-announce-ip": seat.place.link.host,
        "cluster-announce-port": str(seat.place.link.port),
        "cluster-announce-bus-port": str(seat.bus),
    }


def settings_file() -> str:
    """The ``redis.conf`` of a node: a setting that is changed once the predecessors are forgotten.

    Until then no node may be missed: predecessors never answer.
    """
    return "cluster-node-timeout 60000\n"


def node_file(mine: int, seats: Sequence[Seat], void: int) -> str:
    """The ``nodes.conf`` of a node.

    Args:
        mine: Its index in ``seats``.
        seats: All the nodes.
        void: A port on which nobody listens: where the predecessors are said to be.
    """
    lines = []
    for index, seat in enumerate(seats):
        link, flags = seat.place.link, "myself,slave" if index == mine else "slave"
        slots, epoch = f"{seat.slots[0]}-{seat.slots[-1]}", index + 1
        lines += [
            f"{seat.id} {link.host}:{link.port}@{seat.bus} {flags} {seat.predecessor} 0 0 {epoch} connected",
            f"{seat.predecessor} {link.host}:{void}@{void} master - 0 0 {epoch} connected {slots}",
        ]
    return "\n".join([*lines, f"vars currentEpoch {len(seats)} lastVoteEpoch 0", ""])


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node says of another one, or of itself."""

    flags: frozenset[str]
    is_connected: bool
    #: How many it has.
    slots: int

    @property
    def is_well(self) -> bool:
        """Whether it is there, a primary, and nobody thinks otherwise."""
        return self.is_connected and "master" in self.flags and not self.flags & {"fail", "fail?", "noaddr"}


def parse_nodes(text: str) -> dict[str, Seen]:
    """Read the answer to ``CLUSTER NODES``, by id."""
    seen = {}
    for line in text.splitlines():
        id_, _, flags, _, _, _, _, link, *slots = line.split()
        seen[id_] = Seen(frozenset(flags.split(",")), link == "connected", sum(map(_count, slots)))
    return seen


def _count(slots: str) -> int:
    if slots.startswith("["):  # being moved
        return 0
    first, _, last = slots.partition("-")
    return int(last or first) - int(first) + 1
