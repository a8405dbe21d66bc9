"""What a test's links saw, as the properties of its test case in a JUnit report. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..history import merge_outages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ..history import History

#: Links that are named; of more, the first ones.
_NAMED = 8


def properties(seed: int, histories: Sequence[History], timeline: Path | None = None) -> list[tuple[str, str]]:
    """Return names and values, as ``record_property`` takes them; none for a test without a link.

    Values are texts that any channel between processes can carry.

    Args:
        seed: The test's own.
        histories: Of its links.
        timeline: The file with its JSON timeline.
    """
    if not histories:
        return []
    found = _found(seed, histories, timeline)
    return [(name, value.encode("utf-8", "backslashreplace").decode()) for name, value in found]


def _found(seed: int, histories: Sequence[History], timeline: Path | None) -> Iterator[tuple[str, str]]:
    spans = [span for history in histories for span in history.faults]
    kinds = Counter(span.fault.kind for span in spans)
    outages = merge_outages(spans)
    # One that still lasts has lasted until the test ended.
    now = max(history.now for history in histories)
    broken = sum((now if outage.healed_at is None else outage.healed_at) - outage.started_at for outage in outages)
    yield "netchaos_seed", str(seed)
    yield "netchaos_links", _counted(len(histories), [history.link for history in histories])
    yield "netchaos_faults", _counted(len(spans), [f"{count} {kind}" for kind, count in kinds.items()])
    yield "netchaos_dials", str(sum(len(history.dials) for history in histories))
    yield "netchaos_connections", str(sum(len(history.connections) for history in histories))
    yield "netchaos_outages_seconds", f"{broken:.3f}"
    if timeline is not None:
        yield "netchaos_timeline", str(timeline)


def _counted(count: int, names: list[str]) -> str:
    shown = [*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])]
    return f"{count}: {', '.join(shown)}" if shown else str(count)
