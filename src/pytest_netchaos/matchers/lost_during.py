"""Was everything that is missing lost to a fault, and not to the time after it? `lost_only_during`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..faults import Fault
from ..history import Outage
from ..judging.attribution import disjoint
from ..judging.delivery import audit
from ..stretch import Stretch
from .anomalies import clocks_line, totals
from .contracts import DeliveryMatcher, check_flag
from .losses import lost_lines, name_faults
from .words import arranged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..judging.delivery import Audit
    from ..ledger import DeliveryRecord

#: Faults that a repr names one by one.
_NAMED = 3
_MET = ("during", "in flight")


@dataclass(frozen=True, eq=False, repr=False, init=False)
class lost_only_during(DeliveryMatcher):  # noqa: N801 - the class is the call that a test writes
    """Every lost message was sent during one of ``outages``, or was in flight when one began.

    A message that was acknowledged and never arrived is *lost*. It was sent *during* an outage if that was from the
    start of the outage to just before its heal, or until now where it is still in force. It was *in flight* at an
    outage if it was sent before, and nothing that its sender sent after it had reached the subscriber when the outage
    began; but what was sent after a heal, before the sender's first message since that heal which arrived, was lost to
    the time after.

    ::

        with link.cut() as cut:
            ...
        assert ledger == lost_only_during(cut)

    An outage whose value was taken while it was in force ends when the ledger's network says so.

    A failure says which messages were lost outside, when and why: in another fault, after the heal because the listener
    was still away, or without any fault.

    Args:
        outages: Outages, faults (of ``link.history()``) or injections (what ``link.cut()`` returns). Default: every
            outage of the ledger's network.
        in_flight: Whether what was in flight at the start of one may be lost.
        strict: As for the other contracts.

    Raises:
        TypeError: An argument is of the wrong kind.
    """

    outages: tuple[Stretch, ...]
    in_flight: bool

    def __init__(self, *outages: Stretch, in_flight: bool = True, strict: bool | None = None) -> None:
        # A frozen dataclass can't have a variable number of arguments by itself.
        for name, value in {"outages": outages, "in_flight": in_flight, "strict": strict}.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        DeliveryMatcher.__post_init__(self)
        check_flag("in_flight", self.in_flight)
        for outage in self.outages:
            if not isinstance(outage, Stretch):
                raise TypeError(
                    "outages must be outages, faults or injections (what link.cut() returns, or one of "
                    f"link.history().outages), not {outage!r}"
                )

    def __repr__(self) -> str:
        """Write the call, with the kinds of the outages."""
        said = [f"<{' and '.join(_kinds(outage))}>" for outage in self.outages]
        if len(said) > _NAMED:
            said = [f"<{len(said)} faults>"]
        said += [f"in_flight={self.in_flight}"] if not self.in_flight else []
        said += [f"strict={self.strict}"] if self.strict is not None else []
        return f"{type(self).__name__}({', '.join(said)})"

    def faults(self, found: Audit) -> Sequence[Outage]:
        """Return the given stretches of time, joined where they overlap; by default those of the record."""
        if not self.outages:
            return found.outages
        return disjoint(Outage(each.started_at, _end_in(found, each), _kinds(each)) for each in self.outages)

    def vacuous(self, record: DeliveryRecord, found: Audit) -> str:
        """Ask for a fault."""
        if not self.faults(found):
            return f"no fault was in force: nothing could be lost in one: {self!r}"
        return super().vacuous(record, found) or self.unacknowledged(record, found)

    def broken(self, record: DeliveryRecord, found: Audit) -> list[str]:
        """Count what was lost outside; then say which, when and why."""
        if not found.lost:
            return []
        outages = self.faults(found)
        judged = audit(replace(record, outages=tuple(outages))) if self.outages else found
        allowed = _MET if self.in_flight else ("during",)
        outside = [at for at, lost in enumerate(judged.lost) if lost.blame.phase not in allowed]
        if not outside:
            return []
        where = f"{len(outside)} of {len(found.lost)} lost outside {name_faults(outages)}"
        if not outages:
            where = f"{len(outside)} lost, and no fault was in force"
        return arranged(f"{totals(found)}: {where}: {self!r}", _groups(found, judged, outside))


def _end_in(found: Audit, outage: Stretch) -> float | None:
    """Return when it was over, also where it is an `Outage` from a time when it was not."""
    if isinstance(outage, Outage) and outage.healed_at is None:
        return next((known.healed_at for known in found.outages if known.started_at == outage.started_at), None)
    return outage.healed_at


def _groups(found: Audit, judged: Audit, outside: Sequence[int]) -> list[list[str]]:
    """Say of each loss where it lies: by the fault of the network that it met, or else by the given outages."""
    # Both audits list the same losses in the same order.
    met = [found.lost[at].blame.phase in _MET for at in outside]
    elsewhere = [found.lost[at] for at, has_met in zip(outside, met, strict=True) if has_met]
    others = [judged.lost[at] for at, has_met in zip(outside, met, strict=True) if not has_met]
    clocks = [clocks_line(found)] if found.misdated else []
    return [[*lost_lines(found, elsewhere), *lost_lines(judged, others)], clocks]


def _kinds(stretch: Stretch) -> tuple[str, ...]:
    if isinstance(stretch, Outage):
        return stretch.kinds
    fault = getattr(stretch, "fault", None)
    return (fault.kind if isinstance(fault, Fault) else type(stretch).__name__,)
