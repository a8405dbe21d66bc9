"""What is wrong with a record, in lines of text: the counts first, then a line of each kind. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..judging.delivery import Anomaly, Audit, Disorder, Skip
from .losses import lost_lines
from .words import NAMED, arranged, has_room, named, short, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..judging.clocks import Misdated
    from ..judging.delivery import SentAgain
    from ..judging.mistyped import Mistyped

#: In the order in which they are told.
KINDS = ("lost", "skipped", "duplicated", "unexpected", "phantom", "out of order")
#: What to do about times that can't be.
ADVICE = "take every at= from time.monotonic(), and write a send down before it is made (or use ledger.sending)"


def explanation(found: Audit, wrong: Sequence[str]) -> list[str]:
    """Say of each kind in ``wrong`` how many messages, then which; and of lost and skipped ones when and why."""
    counts = ", ".join(f"{found.count(kind)} {kind}" for kind in wrong)
    lost = lost_lines(found, found.lost) if "lost" in wrong else []
    if "skipped" in wrong:
        skipped = {(send, skip.subscriber) for skip in found.skipped for send in skip.sends}
        lost = lost_lines(found, [one for one in found.lost if (one.send, one.subscriber) in skipped])
    verdict = f"{totals(found)}: {counts}"
    # As many names to a line as leave room for a line of each kind among those that pytest shows.
    for most in range(NAMED, 0, -1):
        groups = [lost, *_others(found, wrong, most)]
        if has_room(verdict, groups):
            break
    return arranged(verdict, groups)


def _others(found: Audit, wrong: Sequence[str], most: int) -> list[list[str]]:
    """Return a line for each kind but the lost ones, and for what may explain them, each by itself."""
    lines = [_line(found, kind, most) for kind in wrong if kind != "lost"]
    if "lost" in wrong and found.sent_again:
        lines.append(f"  sent again    {_sent_again(found.sent_again, several=_several(found))}")
    if "unexpected" in wrong and found.mistyped is not None:
        lines.append(f"  types         {_mistyped(found.mistyped)}")
    if found.misdated:
        lines.append(clocks_line(found))
    return [[line] for line in lines]


def totals(found: Audit) -> str:
    """Count what was sent and what arrived: ``sent 3 to 2 subscribers, received 6``."""
    audience = f" to {len(found.subscribers)} subscribers" if _several(found) else ""
    return f"sent {found.sent}{audience}, received {found.received}"


def clocks_disagree(wrong: Sequence[Misdated], *, several: bool) -> str:
    """Name the time that is furthest from any that can be: ``'m4' was delivered 0.512s before it was sent``."""
    worst = max(wrong, key=lambda one: one.by)
    more = f", the worst of {len(wrong)}" if len(wrong) > 1 else ""
    whom = f" to {short(worst.who)}" if worst.what == "delivered" and several else ""
    when = f"{worst.by:.6f}s {'in the future' if worst.future else 'before it was sent'}"
    return f"{short(worst.id)} was {worst.what}{whom} {when}{more}"


def clocks_line(found: Audit) -> str:
    """Say the same below what is wrong in any case, with what to do."""
    return f"  clocks        {clocks_disagree(found.misdated, several=_several(found))}: {ADVICE}"


def _several(found: Audit) -> bool:
    return len(found.subscribers) > 1


def _line(found: Audit, kind: str, most: int) -> str:
    items = getattr(found, kind.replace(" ", "_"))
    most = 1 if kind == "skipped" else most
    some = ", ".join(_item(item, several=_several(found)) for item in items[:most])
    more = f" … ({len(items)}{' gaps' if kind == 'skipped' else ''})" if len(items) > most else ""
    return f"  {kind:<12}  {some}{more}"


def _item(item: Anomaly | Disorder | Skip, *, several: bool) -> str:
    to = f" to {short(item.subscriber)}" if several else ""
    if isinstance(item, Disorder):
        return f"{short(item.id)} after {short(item.after)}{to}"
    if isinstance(item, Skip):
        which = named(list(dict.fromkeys(send.id for send in item.sends)), len(item.sends))
        return f"{which}{to}, between {short(item.after)} and {short(item.before)}"
    copies = f" ×{item.delivered}" if item.delivered > 1 else ""
    return f"{short(item.id)}{copies}{to}"


def _mistyped(found: Mistyped) -> str:
    one, other = found.types
    return f"{short(found.sent)} ({one}) was sent, {short(found.arrived)} ({other}) arrived: give both the same type"


def _sent_again(found: Sequence[SentAgain], *, several: bool) -> str:
    one = found[0]
    to = f" to {short(one.subscriber)}" if several else ""
    more = f", and {len(found) - 1} more like it" if len(found) > 1 else ""
    return (
        f"{short(one.id)} was sent {times(one.attempts)} and acknowledged {times(one.accepted)}, "
        f"delivered {times(one.delivered)}{to}{more}: a re-send by the client itself is not to be written down"
    )
