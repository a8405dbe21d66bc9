"""The picture: a time axis, the lanes below it, and what their signs mean. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from .axis import Axis, axis_over
from .facts import moments
from .lanes import link_lanes
from .traffic import message_lanes
from .words import count_of, length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .axis import Cut
    from .facts import Facts
    from .lanes import Lane
    from .page import Page

#: Lanes of links and their connections; lanes of messages; lines that explain the signs.
LINK_LANES, MESSAGE_LANES, LEGEND = 12, 5, 4
#: The longest name of a lane.
_LABEL = 16
_CUT = ":"
_TITLE = "t(s)"


def axis_for(facts: Facts, page: Page) -> Axis:
    """Choose the time axis; its columns are what the names of the lanes leave."""
    return axis_over(moments(facts), facts.messages, page.width - _label_width(facts))


def draw(facts: Facts, axis: Axis, page: Page) -> list[str]:
    """Draw the picture, in at most 1 + 12 + 5 + 4 + 1 lines."""
    links = link_lanes(facts, axis, LINK_LANES)
    messages = message_lanes(facts, axis, MESSAGE_LANES)
    lanes = [*links.lanes, *messages.lanes]
    left_out = [*links.left_out, *messages.left_out]
    if strays := sum(ledger.strays for ledger in facts.ledgers):
        left_out.append(f"{count_of(strays, 'message')} with times of another clock")
    width = _label_width(facts)
    rows = [page.label(lane.label, width) + _with_cuts(lane.row, axis.cuts) for lane in lanes]
    title = page.label(_TITLE, width) + axis.labels()
    return [
        page.line(title),
        *map(page.line, rows),
        *page.wrap(_legend(lanes, axis, facts.messages), LEGEND, indent=" " * width),
        *([page.line(f"{' ' * width}not drawn: {', '.join(left_out)}")] if left_out else []),
    ]


def _label_width(facts: Facts) -> int:
    """Return how long the names of lanes are at most, with two blanks behind them."""
    connections = max((len(link.history.connections) for link in facts.links), default=0)
    names = [_TITLE, *(link.name for link in facts.links), "  dials", f"  conn#{connections}" if connections else ""]
    for number, ledger in enumerate(facts.ledgers, 1):
        title = f"ledger {number} " if len(facts.ledgers) > 1 else ""
        names += [f"{title}received", *(f"{title}to {subscriber}" for subscriber in ledger.received)]
    return min(max(map(len, names)), _LABEL) + 2


def _with_cuts(row: str, cuts: Iterable[Cut]) -> str:
    for cut in cuts:
        row = f"{row[: cut.column]}{_CUT}{row[cut.column + 1 :]}"
    return row


def _legend(lanes: Sequence[Lane], axis: Axis, messages: Sequence[Sequence[float]]) -> list[str]:
    said = [(sign, lane.meanings[sign]) for lane in lanes for sign in dict.fromkeys(lane.row) if sign in lane.meanings]
    parts = [f"{sign} {meaning}" for sign, meaning in dict.fromkeys(said)]
    if axis.cuts:
        hidden = sum(
            bisect_left(times, cut.end) - bisect_right(times, cut.start) for cut in axis.cuts for times in messages
        )
        cuts = " and ".join(length(cut.end - cut.start) for cut in axis.cuts)
        messages_too = f" ({count_of(hidden, 'message')})" if hidden else ""
        parts.append(f"{_CUT} {cuts} left out{messages_too}")
    return parts
