"""Did each key take effect once, however often it was sent? `deduplicated`."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from ..faults import check_duration
from ..judging.deduplication import EffectKind, judge_effects
from ..judging.verdict import Verdict
from .ledger_matcher import Judgement, TimedMatcher
from .words import counted, fitted, short, times

if TYPE_CHECKING:
    from ..judging.deduplication import Effects, SentKeys, WrongEffect
    from ..ledger import DeliveryRecord

By: TypeAlias = Callable[[Hashable], Hashable] | int | str | None
_KINDS: tuple[str, ...] = get_args(EffectKind)


@dataclass(frozen=True, eq=False, repr=False)
class deduplicated(TimedMatcher):  # noqa: N801 - the class is the call that a test writes
    """Each key took effect once at each subscriber, however often it was sent.

    Deliveries are the *effects*: call ``ledger.delivered`` where the handler has done its work, behind whatever
    recognises a repetition. An effect is wrong if it comes

    - *twice*: after another one of its key; with ``within``, if at most that long after the one before;
    - not at all (*missing*), though a send with its key was acknowledged;
    - *unexpected*: with a key that nobody sent;
    - as a *phantom*: with a key of which every send was definitely not accepted (``"fail"``).

    Where no key was sent twice (``"fail"`` aside; with ``within``, at most that long apart), or none of those that were
    took effect, there was nothing to deduplicate. That is never a pass: `exactly_once` is for such a test.

    Raises:
        TypeError: ``by`` or ``within`` is of another type, or a key can't be hashed.
        ValueError: ``within`` is out of range, or an id has no such key.
    """

    #: What makes the key of an id: a function, the index of an item, or the name of an item or an attribute. Default:
    #: the id is the key.
    by: By = None
    #: Seconds for which a repetition is recognised; one that comes later may take effect. Default: for ever. A store
    #: remembers a key a moment before its effect is written down: take a little less than its time to live.
    within: float | None = None

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        if isinstance(self.by, bool) or not (self.by is None or isinstance(self.by, int | str) or callable(self.by)):
            raise TypeError(f"by must be a function of an id, an index or a name, not {self.by!r}")
        if self.within is not None:
            check_duration("within", self.within, above=True)

    def __repr__(self) -> str:
        """Write the call that makes this matcher; of a function, its name."""
        by = getattr(self.by, "__name__", None) if callable(self.by) else None
        said = [] if self.by is None else [f"by={by or repr(self.by)}"]
        said += [] if self.within is None else [f"within={self.within!r}"]
        return f"deduplicated({', '.join(said)})"

    def judge_times(self, record: DeliveryRecord) -> Judgement:
        """Count the keys that are wrong; then say of each kind which, and when they took effect."""
        found = judge_effects(record, self._key_of, math.inf if self.within is None else self.within)
        if found.wrong:
            return Verdict.INVALID, self._explanation(record, found)
        if found.put_to_the_test:
            return Verdict.VALID, []
        return Verdict.UNKNOWN, [f"{self._untested(found.sent)}: nothing to deduplicate: {self!r}"]

    def _explanation(self, record: DeliveryRecord, found: Effects) -> list[str]:
        several = len({*record.subscribers, *(wrong.subscriber for wrong in found.wrong)}) > 1
        kinds = {kind: [wrong for wrong in found.wrong if wrong.kind == kind] for kind in _KINDS}
        counts = ", ".join(f"{len(wrong)} {kind}" for kind, wrong in kinds.items() if wrong)
        keys, effects = counted(len(found.sent.counts), "key"), counted(len(record.deliveries), "effect")
        verdict = f"{keys} sent {times(len(record.sends))}, {effects}: {counts}: {self!r}"
        return fitted(verdict, [[_line(found.sent, one, several=several) for one in wrong] for wrong in kinds.values()])

    def _untested(self, sent: SentKeys) -> str:
        if sent.again:
            return f"no effect of any key that was sent again ({counted(len(sent.again), 'key')})"
        apart = "" if self.within is None else f" within {self.within!r}s"
        return f"{counted(len(sent.counts), 'key')}, none of them sent twice{apart}"

    def _key_of(self, id_: Hashable) -> Hashable:
        if self.by is None:
            return id_
        try:
            key = self._made(id_)
        except (LookupError, AttributeError, TypeError) as error:
            raise ValueError(f"{self!r} makes no key of the id {short(id_)}: {error!r}") from error
        try:
            hash(key)
        except TypeError:
            raise TypeError(f"{self!r} makes a key of {short(id_)} that can't be hashed: {short(key)}") from None
        return key

    def _made(self, id_: Any) -> Hashable:  # noqa: ANN401 - what has no such part is refused by name
        if callable(self.by):
            return self.by(id_)
        by_item = isinstance(self.by, int) or isinstance(id_, Mapping)
        key: Hashable = id_[self.by] if by_item else getattr(id_, str(self.by))
        return key


def _line(sent: SentKeys, wrong: WrongEffect, *, several: bool) -> str:
    to = f" at {short(wrong.subscriber)}" if several else ""
    return f"  {wrong.kind:<10}  {short(wrong.key)}{to}  {_story(sent, wrong)}"


def _story(sent: SentKeys, wrong: WrongEffect) -> str:
    effects = counted(wrong.effects, "effect")
    if wrong.kind == "unexpected":
        return f"{effects}, never sent"
    sends = f"sent {times(sent.counts[wrong.key])}"
    if wrong.pair is None:
        return f"{sends}, acknowledged, no effect" if wrong.kind == "missing" else f"{effects}, {sends}, never accepted"
    earlier, later = wrong.pair
    since = earlier - sent.first_at[wrong.key]
    return f"{sends}, {effects}: {since:.3f}s after the first send, and {later - earlier:.3f}s after that"
