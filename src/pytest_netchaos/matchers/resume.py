"""Did each subscriber go on where it had stopped? `resumed`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..judging.attribution import disjoint
from ..judging.resumption import VERDICTS, reconnects, resumptions
from ..judging.silence import silences
from ..judging.verdict import Verdict
from .ledger_matcher import Judgement, TimedMatcher
from .words import counted, fault_name, fitted, named, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..history import Outage
    from ..judging.resumption import Reconnect, ResumeVerdict, Resumption
    from ..judging.silence import Silence
    from ..ledger import DeliveryRecord


@dataclass(frozen=True, eq=False, repr=False)
class resumed(TimedMatcher):  # noqa: N801 - the class is the call that a test writes
    """After each reconnect, each subscriber went on in the same session with the message after its last one.

    Write the reconnects down with ``ledger.connected(subscriber=…, session=…)``; they count from a subscriber's second
    connect on. For a subscriber without any, the heals of the outages count. Each reconnect has a verdict, for each
    sender, and the worst sender counts:

    - *resumed*: the next message is the one after the last;
    - *rewound*: it isn't later than the last one; some arrived again;
    - *skipped*: messages that were acknowledged were left out;
    - *restarted*: another session, or from the beginning.

    More than one may be true of a reconnect (rewound, and then skipped); then all have to be allowed. The exact
    definitions are those of `pytest_netchaos.judging.resumption`.

    A reconnect of which nothing arrived before or after isn't judged. A subscriber of whom none is judged fails: there
    was nothing to resume. One that had resumed and then went *silent* fails too, unless *skipped* is allowed: of some
    sender nothing came after the last reconnects, and something that was acknowledged was due.

    Raises:
        TypeError: ``allow`` isn't a tuple.
        ValueError: It holds something that isn't one of the verdicts.
    """

    #: Verdicts that are as good as *resumed*: ``("rewound",)`` for a protocol that delivers at least once.
    allow: tuple[ResumeVerdict, ...] = ()

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        if not isinstance(self.allow, tuple):
            raise TypeError(f"allow must be a tuple of verdicts, such as ('rewound',), not {self.allow!r}")
        for verdict in self.allow:
            if verdict not in VERDICTS:
                raise ValueError(f"allow takes {', '.join(map(repr, VERDICTS[1:]))}, not {verdict!r}")

    def judge_times(self, record: DeliveryRecord) -> Judgement:
        """Count the verdicts, and show the reconnects that weren't resumed."""
        found = resumptions(record)
        wrong = [one for one in found if not {"resumed", *self.allow}.issuperset(one.verdicts)]
        judged = {one.subscriber for one in found}
        silent = [] if "skipped" in self.allow else [one for one in silences(record) if one.subscriber in judged]
        if wrong or silent:
            return Verdict.INVALID, self._explanation(record, found, wrong, silent)
        moments = reconnects(record)
        in_vain = [name for name, at in moments.items() if at and name not in judged]
        if found and not in_vain:
            return Verdict.VALID, []
        reason = _unjudged(record, in_vain[0], moments[in_vain[0]]) if in_vain else _no_reconnect(record)
        return Verdict.UNKNOWN, [f"{reason}: nothing to judge: {self!r}"]

    def _explanation(
        self,
        record: DeliveryRecord,
        found: Sequence[Resumption],
        wrong: Sequence[Resumption],
        silent: Sequence[Silence],
    ) -> list[str]:
        counts = Counter(one.verdict for one in wrong)
        said = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
        said += [f"{len(_distinct(silent))} went silent"] if silent else []
        outages = disjoint(record.outages)
        total = counted(len(_distinct([*found, *silent])), "reconnect")
        verdict = f"{len(_distinct([*wrong, *silent]))} of {total} not resumed, {', '.join(said)}: {self!r}"
        return fitted(
            verdict,
            [[_line(record, outages, one) for one in wrong], [_silence(record, outages, one) for one in silent]],
        )


def _distinct(found: Sequence[Resumption | Silence]) -> set[tuple[str, int]]:
    """Return the reconnects, of which two senders may have gone wrong in two ways."""
    return {(one.subscriber, one.number) for one in found}


def _unjudged(record: DeliveryRecord, subscriber: str, moments: Sequence[Reconnect]) -> str:
    """Say why no reconnect of this subscriber could be judged."""
    at = f" at {short(subscriber)}" if subscriber else ""
    what = "reconnect" if moments[0].outage is None else "heal"
    arrived = [delivery.at for delivery in record.deliveries if delivery.subscriber == subscriber]
    if not arrived:
        return f"nothing arrived{at}"
    if arrived[0] >= moments[-1].at:
        return f"nothing arrived{at} before the last {what}"
    if arrived[-1] < moments[0].at:
        return f"nothing arrived{at} after the first {what}"
    return f"no sender's messages arrived{at} both before and after a {what} (ids that were sent once)"


def _no_reconnect(record: DeliveryRecord) -> str:
    if record.connects:
        return "nobody connected a second time"
    if not record.outages:
        return "no connect was written down, and there was no fault"
    outages = disjoint(record.outages)
    return f"{fault_name(outages, len(outages) - 1)} is still in force: heal it first"


def _line(record: DeliveryRecord, outages: Sequence[Outage], found: Resumption) -> str:
    details = [f"after {short(found.last)} came {short(found.next)}{_of(found)}"]
    if found.left_out:
        details.append(f"left out {named(found.left_out)}")
    if found.repeated:
        details.append(f"again {named(found.repeated)}")
    before, after = found.session_before, found.reconnect.session
    if before is not None and after is not None and before != after:
        details.append(f"session {short(before)} became {short(after)}")
    return f"  {_moment(record, outages, found)}  {' and '.join(found.verdicts)}: {'; '.join(details)}"


def _silence(record: DeliveryRecord, outages: Sequence[Outage], found: Silence) -> str:
    came = f"after {short(found.last)} came nothing more{_of(found)}"
    return f"  {_moment(record, outages, found)}  silent: {came}; due {named(found.due)}"


def _moment(record: DeliveryRecord, outages: Sequence[Outage], found: Resumption | Silence) -> str:
    to = f" of {short(found.subscriber)}" if found.subscriber else ""
    if found.reconnect.outage is None:
        return f"reconnect {found.number}{to}, {found.reconnect.at - record.sends[0].at:.3f}s after the first send"
    return f"heal of {fault_name(outages, found.number - 1)}{to}"  # only the last outage can lack a heal


def _of(found: Resumption | Silence) -> str:
    return f" of sender {short(found.sender)}" if found.sender else ""
