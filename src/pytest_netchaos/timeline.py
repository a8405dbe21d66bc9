"""What happened, when: the events of all links and of the test, on one clock. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

from .history import ArmedFault, Connection, Dial, FaultSpan, History
from .ledger import DeliveryRecord

Kind: TypeAlias = Literal["dial", "refused", "open", "close", "fault", "heal", "note", "sent", "delivered"]

#: The kinds that are summed up in text.
MESSAGES = ("sent", "delivered")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    #: CLOCK_MONOTONIC seconds.
    at: float
    #: The link's name; empty for what happened elsewhere.
    link: str
    kind: Kind
    text: str


class Timeline:
    """Entries in order of time. As text: a line each, in seconds since the first."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(sorted(entries, key=lambda entry: entry.at))

    def __iter__(self) -> Iterator[Entry]:
        """Go through the entries."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.entries)

    def __repr__(self) -> str:
        """Say how many entries there are."""
        return f"<timeline of {len(self)} entries>"

    def of(self, link: str) -> Timeline:
        """Keep the entries of one link."""
        return Timeline(entry for entry in self if entry.link == link)

    def kinds(self, *kinds: Kind) -> Timeline:
        """Keep the entries of some kinds."""
        return Timeline(entry for entry in self if entry.kind in kinds)

    def lines(self, most: int = 40) -> list[str]:
        """Write it down in ``most`` lines; what is left out of the middle is counted."""
        written, most = list(self._lines()), max(1, most)
        if len(written) <= most:
            return written
        head = most // 2
        tail = most - head - 1
        return [*written[:head], f"… {len(written) - head - tail} more …", *written[len(written) - tail :]]

    def __str__(self) -> str:
        """Write it down, whole."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        links = {entry.link for entry in self} - {""}
        for is_message, group in groupby(self, key=lambda entry: entry.kind in MESSAGES):
            if is_message:
                yield self._line(*_summed_up(list(group)))
                continue
            for entry in group:
                where = f"{entry.link}: " if entry.link and len(links) > 1 else ""
                yield self._line(entry.at, entry.kind, f"{where}{entry.text}")

    def _line(self, at: float, kind: str, text: str) -> str:
        return f"{at - self.entries[0].at:9.3f}s  {kind:<9} {text}"


def _summed_up(messages: list[Entry]) -> tuple[float, str, str]:
    """Write a run of messages as one line: there may be thousands between two things that happened to the link."""
    if len(messages) == 1:
        return messages[0].at, messages[0].kind, messages[0].text
    counts = []
    for kind in MESSAGES:
        texts = [entry.text for entry in messages if entry.kind == kind]
        if texts:
            counts.append(f"{len(texts)} {kind} ({texts[0]}{f' … {texts[-1]}' if len(texts) > 1 else ''})")
    return messages[0].at, "messages", f"{', '.join(counts)} in {messages[-1].at - messages[0].at:.3f}s"


def entries(history: History) -> Iterator[Entry]:
    """Write one link's history as entries."""
    for dial in history.dials:
        yield from _of_dial(history.link, dial)
    for connection in history.connections:
        yield from _of_connection(history.link, connection)
    for span in history.faults:
        yield from _of_fault(history.link, span)
    for armed in history.armed:
        yield _of_armed(history, armed)


def _of_armed(history: History, armed: ArmedFault) -> Entry:
    return Entry(armed.armed_at, history.link, "fault", never_fired(armed, history))


def never_fired(armed: ArmedFault, history: History) -> str:
    """Say that a fault was not in force, and why."""
    return f"never fired: {armed.fault} at {armed.when}; {armed.when.seen(history)}"


def messages(record: DeliveryRecord) -> Iterator[Entry]:
    """Write a ledger's record as entries."""
    for send in record.sends:
        how = "" if send.outcome == "ok" else f" ({send.outcome})"
        yield Entry(send.at, "", "sent", f"{send.id!r}{f' by {send.sender}' if send.sender else ''}{how}")
    for delivery in record.deliveries:
        to = f" to {delivery.subscriber}" if delivery.subscriber else ""
        yield Entry(delivery.at, "", "delivered", f"{delivery.id!r}{to}")


def _of_dial(link: str, dial: Dial) -> Iterator[Entry]:
    came = f" from {dial.peer}" if dial.peer else ""
    waited = "" if dial.waited is None else f", {dial.waited:.3f}s after the last one ended"
    if dial.outcome == "refused":
        yield Entry(dial.at, link, "refused", f"dial {dial.number}{came} refused: {dial.reason}{waited}")
    else:
        yield Entry(dial.at, link, "dial", f"dial {dial.number}{came}{waited}")


def _of_connection(link: str, connection: Connection) -> Iterator[Entry]:
    yield Entry(connection.opened_at, link, "open", f"connection {connection.number} (dial {connection.dial})")
    if connection.closed_at is None:
        return
    lost = connection.lost_up + connection.lost_down
    yield Entry(
        connection.closed_at,
        link,
        "close",
        f"connection {connection.number} by {connection.closed_by} with {connection.close_how}"
        f"{f' ({connection.close_reason})' if connection.close_reason else ''}, "
        f"{connection.bytes_up} bytes up, {connection.bytes_down} down{f', {lost} lost' if lost else ''}",
    )


def _of_fault(link: str, span: FaultSpan) -> Iterator[Entry]:
    cycle = f", cycle {span.cycle}" if span.cycle > 1 else ""
    hit = "no connection" if not span.hits else f"connection {', '.join(map(str, span.hits))}"
    yield Entry(span.started_at, link, "fault", f"{span.fault}{cycle}: met {hit}")
    if span.healed_at is not None and not span.fault.instant:
        lasted = span.healed_at - span.started_at
        yield Entry(span.healed_at, link, "heal", f"{span.fault}{cycle} after {lasted:.3f}s")
