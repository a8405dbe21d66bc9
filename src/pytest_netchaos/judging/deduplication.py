"""Compare effects with sends, key by key: which took effect twice, or never. Pure, and linear in the record.

Deliveries are the effects: what a handler did, behind whatever recognises a repetition.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from ..ledger import DeliveryRecord, Send

EffectKind: TypeAlias = Literal["twice", "missing", "unexpected", "phantom"]
"""What is wrong with the effects of a key, at one subscriber.

==============  ====================================================================
``twice``       it took effect again, while a repetition should have been recognised
``missing``     it never took effect, though a send with this key was acknowledged
``unexpected``  it took effect, and nobody had sent it
``phantom``     it took effect, though every send was definitely not accepted
==============  ====================================================================
"""


class WrongEffect(NamedTuple):
    """A key whose effects at one subscriber aren't what they should be."""

    kind: EffectKind
    key: Hashable
    subscriber: str
    #: How often it took effect there.
    effects: int
    #: For ``twice``, the first two effects that were too close; monotonic seconds.
    pair: tuple[float, float] | None = None


@dataclass(slots=True)
class SentKeys:
    """What is known of the sends, by key, in the order of the first sends."""

    #: How often each key was sent, whatever the outcome.
    counts: Counter[Hashable] = field(default_factory=Counter)
    first_at: dict[Hashable, float] = field(default_factory=dict)
    acknowledged: set[Hashable] = field(default_factory=set)
    #: Not refused each time, and when that was the last time.
    accepted: dict[Hashable, float] = field(default_factory=dict)
    #: Accepted again while the time before should have been remembered.
    again: set[Hashable] = field(default_factory=set)


@dataclass(slots=True)
class Effects:
    """Made by `judge_effects`."""

    sent: SentKeys
    wrong: list[WrongEffect]
    #: Whether some key that was sent again took effect: without that, nothing had to be recognised.
    put_to_the_test: bool


@dataclass(slots=True)
class _Seen:
    """The effects of one key at one subscriber."""

    count: int
    last_at: float
    pair: tuple[float, float] | None = None


def judge_effects(record: DeliveryRecord, key_of: Callable[[Hashable], Hashable], within: float) -> Effects:
    """Find what is wrong with the effects in ``record``.

    Args:
        record: Sends, and deliveries that are effects.
        key_of: Makes the key of an id.
        within: Seconds for which a repetition should be recognised; infinite for ever.
    """
    sent = _sent_keys(record.sends, key_of, within)
    seen = _effects(record, key_of, within)
    wrong = [found for subscriber in seen for found in _wrong(sent, seen[subscriber], subscriber)]
    tested = any(not sent.again.isdisjoint(effects) for effects in seen.values())
    return Effects(sent, wrong, tested)


def _sent_keys(sends: tuple[Send, ...], key_of: Callable[[Hashable], Hashable], within: float) -> SentKeys:
    sent = SentKeys()
    for id_, at, outcome, _ in sends:
        key = key_of(id_)
        sent.counts[key] += 1
        sent.first_at.setdefault(key, at)
        if outcome == "fail":
            continue
        if outcome == "ok":
            sent.acknowledged.add(key)
        if at - sent.accepted.get(key, -float("inf")) <= within and key in sent.accepted:
            sent.again.add(key)
        sent.accepted[key] = at
    return sent


def _effects(
    record: DeliveryRecord, key_of: Callable[[Hashable], Hashable], within: float
) -> dict[str, dict[Hashable, _Seen]]:
    seen: dict[str, dict[Hashable, _Seen]] = {subscriber: {} for subscriber in record.subscribers}
    for id_, at, subscriber in record.deliveries:
        key = key_of(id_)
        effects = seen.setdefault(subscriber, {})
        if (before := effects.get(key)) is None:
            effects[key] = _Seen(1, at)
            continue
        if before.pair is None and at - before.last_at <= within:
            before.pair = (before.last_at, at)
        before.count += 1
        before.last_at = at
    return seen


def _wrong(sent: SentKeys, seen: dict[Hashable, _Seen], subscriber: str) -> Iterator[WrongEffect]:
    for key, effects in seen.items():
        if key not in sent.counts:
            yield WrongEffect("unexpected", key, subscriber, effects.count)
        elif key not in sent.accepted:
            yield WrongEffect("phantom", key, subscriber, effects.count)
        elif effects.pair is not None:
            yield WrongEffect("twice", key, subscriber, effects.count, effects.pair)
    for key in sent.counts:
        if key in sent.acknowledged and key not in seen:
            yield WrongEffect("missing", key, subscriber, 0)
