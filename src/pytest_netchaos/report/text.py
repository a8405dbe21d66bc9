"""The story of a failed test, as text: a picture, what happened in words, what went wrong, and how to repeat it.

At most 40 lines, whatever happened: around the first fault, the first and the last are kept, and the rest is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import NetchaosError
from ..history import merge_outages
from ..judging.attribution import disjoint
from ..ledger import Note
from .anomalies import anomaly_lines
from .events import chosen, events_of
from .facts import Facts, LedgerFacts, LinkFacts, ranked
from .picture import axis_for, draw
from .words import count_of, length

if TYPE_CHECKING:
    from ..history import Outage
    from ..ledger import DeliveryRecord, Ledger
    from ..network import Network
    from .axis import Axis
    from .page import Page

#: Longer than this, nobody reads it.
MOST_LINES = 40
#: How many of them some parts may have at most; what happened, in words, has all that the others leave.
_SUMMARY, _PLACES, _ANOMALIES, _TROUBLES, _UNFIRED, _REMARKS = 2, 2, 6, 2, 3, 2
#: Where a line goes on that was folded: below its text.
_UNDER_TIME, _UNDER_TAG = " " * 11, " " * 6


def story(network: Network, page: Page, *, replay: str = "", remarks: Sequence[str] = ()) -> str:
    """Write what happened on the links of a test, and to its messages.

    Args:
        network: The test's.
        page: What it is written on.
        replay: The last line: the command that repeats the test. It isn't cut, however long it is.
        remarks: What else could explain the failure, a line each.
    """
    try:
        return "\n".join(write(facts_of(network, replay, remarks), page))
    except Exception as error:  # noqa: BLE001 - ids are of the user's classes: when compared, they may do anything
        return page.line(f"what happened on the links can't be told: {type(error).__name__}: {error}")


def facts_of(network: Network, replay: str = "", remarks: Sequence[str] = ()) -> Facts:
    """Take down what is known; of a link whose engine is dead, what had been heard of it."""
    links = []
    for link in network.links.values():
        try:
            history = link.history()
        except NetchaosError:
            history = link.recall()
        links.append(LinkFacts(history, f"{link.host}:{link.port} to {link.upstream}", link.troubles))
    of_servers = network.server_outages()
    outages = disjoint([*merge_outages(span for link in links for span in link.history.faults), *of_servers])
    ledgers = tuple(LedgerFacts(_record(ledger, outages), ledger.notes) for ledger in network.ledgers)
    notes = (*(Note(entry.at, entry.text) for entry in network.notes), *network.server_notes())
    return Facts(tuple(links), ledgers, notes, tuple(remarks), replay, tuple(network.plans.complaints()), of_servers)


def _record(ledger: Ledger, outages: Sequence[Outage]) -> DeliveryRecord:
    """Take what a ledger holds; if the engine that knows the outages is dead, with those that had been heard of."""
    try:
        return ledger.record()
    except NetchaosError:
        return ledger.record(outages)


def write(facts: Facts, page: Page) -> list[str]:
    """Write the story, in at most ``MOST_LINES`` lines."""
    places = page.wrap([f"{link.name} is {link.place}" for link in ranked(facts.links) if link.place], _PLACES)
    if facts.is_empty:
        what = "no link was dialled, no fault injected, no message recorded" if facts.links else "there is no link"
        return [*places, page.line(f"nothing happened: {what}"), *_causes(facts, page)]
    axis = axis_for(facts, page)
    above = [*_summary(facts, axis, page), *places, *draw(facts, axis, page)]
    wrong = page.fold_all(anomaly_lines(facts, axis.zero, _ANOMALIES), _ANOMALIES, _UNDER_TAG)
    below = [*wrong, *_causes(facts, page)]
    return [*above, *_events(facts, axis, page, MOST_LINES - len(above) - len(below)), *below]


def _summary(facts: Facts, axis: Axis, page: Page) -> list[str]:
    histories = [link.history for link in facts.links]
    refused = sum(dial.outcome == "refused" for history in histories for dial in history.dials)
    counts = [
        count_of(len(histories), "link"),
        count_of(sum(len(history.connections) for history in histories), "connection"),
        count_of(refused, "refused dial"),
        count_of(sum(len(history.faults) for history in histories), "fault"),
    ]
    sent = sum(len(ledger.record.sends) for ledger in facts.ledgers)
    received = sum(len(ledger.record.deliveries) for ledger in facts.ledgers)
    messages = [f"{sent:,} sent", f"{received:,} delivered"] if facts.ledgers else []
    parts = [*counts, *messages, f"in {length(facts.now - axis.zero)}"]
    whole = ", ".join(parts)
    return [page.line(whole)] if page.fits(whole) else page.wrap(parts, _SUMMARY)


def _events(facts: Facts, axis: Axis, page: Page, room: int) -> list[str]:
    told, left_out = chosen(events_of(facts), facts.first_fault, room)
    lines = [f"{event.at - axis.zero:9.3f}  {event}" for event in told]
    return page.fold_all([*lines, f"{_UNDER_TIME}{left_out}"] if left_out else lines, room, _UNDER_TIME + "  ")


def _causes(facts: Facts, page: Page) -> list[str]:
    """Write what else may explain it, and how to repeat it."""
    several = len(facts.links) > 1
    troubles = [
        f"{f'{link.name}: ' if several else ''}{text}"
        for link in facts.links
        for text in (*link.troubles, *filter(None, [link.history.dials.blind]))
    ]
    unfired = page.fold_all(_few(facts.unfired, _UNFIRED), 2 * _UNFIRED, "  ")
    remarks = [page.line(line) for line in _few(facts.remarks, _REMARKS)]
    # A command is of use only as a whole; terminals fold what is too long for them so that it can be copied.
    replay = [page.whole(facts.replay)] if facts.replay else []
    return [*map(page.line, _few(troubles, _TROUBLES)), *unfired, *remarks, *replay]


def _few(lines: Sequence[str], most: int) -> Sequence[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"… {len(lines) - most + 1} more of this kind"]
