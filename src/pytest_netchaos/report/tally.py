"""What the links of one test saw, in numbers: small, and of types that any channel between processes carries. Pure.

A fault counts once for each time that it came into force (a flap: once for each cycle). It *hit* something if it met a
connection, or if somebody dialled while it was in force: `striking.hit_nothing` has the definition. A test is vacuous
if it had faults and none of them hit anything, and so it is if none of them ever came into force.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from .striking import hit_nothing
from .tale import Tale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import History

#: Recoveries of one test that a summary could need.
MOST_RECOVERIES = 3
#: Faults of one test that a summary names.
MOST_NAMED = 3


class Recovery(TypedDict):
    """Somebody came back after an outage."""

    link: str
    #: From the heal to the first connection that was served.
    seconds: float


class Tally(TypedDict):
    """One test."""

    #: Whether it has the marker.
    marked: bool
    links: int
    faults: int
    #: How many of the faults hit anything.
    hit: int
    #: Of each link by itself.
    outages: int
    reconnects: int
    #: The slowest ones, the slowest first.
    recoveries: list[Recovery]
    #: The faults that hit nothing, in words, where all of them did: the test proves nothing. At most ``MOST_NAMED``.
    #: Where none came into force, those that were to.
    vacuous: list[str]


def tally(histories: Sequence[History], *, marked: bool = False, unfired: Sequence[str] = ()) -> Tally:
    """Count what the links of a test saw.

    Args:
        histories: Of its links.
        marked: Whether the test has the marker.
        unfired: The steps of its plans that never fired, in words.
    """
    tales = [Tale(history) for history in histories]
    missed = [missed for tale in tales for missed in _missed(tale)]
    faults = sum(len(history.faults) for history in histories)
    recoveries = [recovery for tale in tales for recovery in _recoveries(tale)]
    recoveries.sort(key=lambda recovery: (-recovery["seconds"], recovery["link"]))
    return Tally(
        marked=marked,
        links=len(histories),
        faults=faults,
        hit=faults - len(missed),
        outages=sum(len(history.outages) for history in histories),
        reconnects=len(recoveries),
        recoveries=recoveries[:MOST_RECOVERIES],
        vacuous=_named(missed or _waiting(tales, unfired)) if len(missed) == faults else [],
    )


def _waiting(tales: Sequence[Tale], unfired: Sequence[str]) -> list[str]:
    """Name what never came into force; a step that is armed is among both."""
    return [_portable(text) for text in unfired] or [
        f"{armed.fault} on link {_portable(tale.history.link)!r}, armed for {armed.when}"
        for tale in tales
        for armed in tale.history.armed
    ]


def _missed(tale: Tale) -> Iterator[str]:
    link = _portable(tale.history.link)
    return (f"{span.fault} on link {link!r}" for span in tale.history.faults if hit_nothing(tale, span))


def _recoveries(tale: Tale) -> Iterator[Recovery]:
    for outage in tale.history.outages:
        back = None if outage.healed_at is None else tale.back_after(outage.healed_at)
        if back is not None and outage.healed_at is not None and back.number > 1:
            yield Recovery(link=_portable(tale.history.link), seconds=back.opened_at - outage.healed_at)


def _named(missed: Sequence[str]) -> list[str]:
    """Name each fault once, and of many the first ones."""
    names = list(dict.fromkeys(missed))
    if len(names) <= MOST_NAMED:
        return names
    return [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} more"]


def _portable(text: str) -> str:
    """Return a text that can be written as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def why_vacuous(counted: Tally) -> str:
    """Say what a vacuous test lacks, and what to do."""
    if not counted["faults"]:
        return (
            f"{'; '.join(counted['vacuous'])}: no fault ever came into force, so the test proves nothing. Let it go on "
            "until what they wait for has come, or test without"
        )
    they, one = ("they were", "one of them") if counted["faults"] > 1 else ("it was", "the fault")
    return (
        f"{', '.join(counted['vacuous'])} hit no traffic: while {they} in force, nobody dialled and no connection was "
        "hit, so the test proves nothing. Let the code under test use the link's address (link.address, link.url()) "
        f"while {one} is in force, or test without"
    )
