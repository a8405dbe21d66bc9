"""What it takes to write down a million messages, and to judge them by each delivery contract."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.delivery import audit
from pytest_netchaos.ledger import DeliveryRecord, Ledger
from pytest_netchaos.matchers.contracts import DeliveryMatcher
from pytest_netchaos.matchers.delivery import at_least_once, at_most_once, exactly_once, gap_free
from pytest_netchaos.matchers.lost_during import lost_only_during

from .scale import Scale
from .stats import Result, result

_MESSAGES = 1_000_000
#: The share of the messages that is sent in an outage, and lost.
_LOST = 0.1
_CONTRACTS: tuple[DeliveryMatcher, ...] = (
    at_most_once(),
    at_least_once(),
    exactly_once(in_order=True),
    gap_free(),
    lost_only_during(),
)


def ledger(scale: Scale) -> Iterator[Result]:
    """Record messages, of which a cut loses a tenth in the middle, and judge the record; beside a list of tuples."""
    count = scale.count(_MESSAGES)
    took = dict(_measured(count))  # once: a million calls are an average by themselves
    plain = (f"{count} × list.append((n, time.monotonic()))", [took.pop("append")])
    for what, seconds in took.items():
        yield result("ledger", what, "s CPU", [seconds], plain)


def _measured(count: int) -> Iterator[tuple[str, float]]:
    outages: list[Outage] = []
    made, plain = Ledger(lambda: outages), list[tuple[int, float]]()
    first, last = round(count * (0.5 - _LOST / 2)), round(count * (0.5 + _LOST / 2))

    def append() -> None:
        for number in range(count):
            plain.append((number, time.monotonic()))

    def sent() -> None:
        for number in range(count):
            made.sent(number)

    def delivered() -> None:
        for number in range(first):
            made.delivered(number)
        for number in range(last, count):
            made.delivered(number)

    yield "append", _seconds(append)
    plain.clear()
    yield f"{count} × sent()", _seconds(sent)
    yield f"{count - last + first} × delivered()", _seconds(delivered)
    record = made.record()
    outages.append(Outage(record.sends[first].at, record.sends[last].at, ("cut",)))
    yield "record()", _seconds(made.record)
    yield from _judgements(made.record())


def _judgements(record: DeliveryRecord) -> Iterator[tuple[str, float]]:
    yield "audit()", _seconds(lambda: audit(record))
    for contract in _CONTRACTS:
        yield f"{contract!r}.explain()", _seconds(lambda contract=contract: contract.explain(record))


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()  # nothing waits here: a busy machine shouldn't count
    work()
    return time.process_time() - began
