"""The story of a failed test, as text."""

from __future__ import annotations

from ..errors import NetchaosError
from ..network import Network

#: Longer than this, nobody reads it.
MOST_LINES = 39


def story(network: Network) -> str:
    """Write what happened on the links of a test."""
    lines = [f"{link!r}" for link in network.links.values()] or ["no link was used"]
    try:
        timeline = network.timeline
    except NetchaosError:
        timeline = network.recall()
    return "\n".join([*lines, *timeline.lines(MOST_LINES - len(lines))])
