"""How often was each message sent? `attempts`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from ..judging.verdict import Verdict
from .ledger_matcher import Judgement, LedgerMatcher, check_whole
from .words import counted, fitted, short, times

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from ..ledger import DeliveryRecord

#: Messages that get a line; more than pytest shows, for those who ask for all of it.
_TOLD = 20
#: Attempts of one message whose times are told.
_TIMES = 5


@dataclass(frozen=True, eq=False, repr=False)
class attempts(LedgerMatcher):  # noqa: N801 - the class is the call that a test writes
    """Each message was sent ``n`` times, or from ``n`` to ``most`` times: 1 + N for a client that sends again N times.

    An *attempt* is one send in the ledger, whatever its outcome. So write down each attempt once, where it can be
    told from the others: mostly in the server's handler, with ``ledger.sent(id, outcome="info")``, and don't write
    down the client's own call as well. Sends of one id count together, whoever sent them.

    Raises:
        TypeError: ``n`` or ``most`` isn't a whole number, or ``of`` can't be hashed.
        ValueError: ``n`` is below 1, or ``most`` below ``n``.
    """

    #: Attempts, at least 1.
    n: int
    #: At most so many. Default: exactly ``n``.
    most: int | None = None
    #: The id of one message. Default: every message.
    of: Hashable = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bad values, by name."""
        check_whole("n", self.n, low=1)
        if self.most is not None:
            check_whole("most", self.most, low=1)
            if self.most < self.n:
                raise ValueError(f"most must be at least n ({self.n}), not {self.most}")
        try:
            hash(self.of)
        except TypeError:
            raise TypeError(f"of must be the id of a message, not {type(self.of).__name__!r}") from None

    def judge_record(self, record: DeliveryRecord) -> Judgement:
        """Name the messages that were sent too seldom or too often, with the times of their attempts."""
        sent = Counter(send.id for send in record.sends)
        if self.of is not None:
            sent = Counter({self.of: sent[self.of]})
        wrong = {id_: count for id_, count in sent.items() if not self.n <= count <= self._most}
        if wrong:
            return Verdict.INVALID, fitted(self._verdict(sent, wrong), [_lines(record, wrong)])
        return (Verdict.VALID, []) if sent else (Verdict.UNKNOWN, [f"nothing was sent: nothing to judge: {self!r}"])

    @property
    def _most(self) -> int:
        return self.n if self.most is None else self.most

    def _verdict(self, sent: Mapping[Hashable, int], wrong: Mapping[Hashable, int]) -> str:
        asked = times(self.n) if self._most == self.n else f"{self.n} to {self._most} times"
        if self.of is not None:
            count = sent[self.of]
            return f"{short(self.of)} was {f'sent {times(count)}' if count else 'never sent'}, not {asked}: {self!r}"
        less = sum(count < self.n for count in wrong.values())
        which = [f"{less} less often"] if less else []
        which += [f"{len(wrong) - less} more often"] if less < len(wrong) else []
        return f"{len(wrong)} of {counted(len(sent), 'message')} not sent {asked}, {', '.join(which)}: {self!r}"


def _lines(record: DeliveryRecord, wrong: Mapping[Hashable, int]) -> list[str]:
    """Return a line for each message, in the order of their first attempts; without times from some number on."""
    told: dict[Hashable, list[float]] = {id_: [] for id_ in islice(wrong, _TOLD)}
    for send in record.sends:
        if send.id in told:
            told[send.id].append(send.at)
    untold = (f"  {short(id_)}  sent {times(count)}" for id_, count in islice(wrong.items(), _TOLD, None))
    return [*(_line(id_, at) for id_, at in told.items() if at), *untold]


def _line(id_: Hashable, at: Sequence[float]) -> str:
    if len(at) == 1:
        return f"  {short(id_)}  sent once"
    offsets = _listed([time - at[0] for time in at])
    gaps = _listed([later - earlier for earlier, later in pairwise(at)])
    return f"  {short(id_)}  sent {times(len(at))}, at {offsets}; gaps {gaps}"


def _listed(seconds: Sequence[float]) -> str:
    """Write times, or of many the first and the last one."""
    texts = [f"{second:.3f}" for second in seconds]
    if len(texts) > _TIMES:
        texts[_TIMES - 1 : -1] = ["…"]
    return f"{', '.join(texts)}s"
