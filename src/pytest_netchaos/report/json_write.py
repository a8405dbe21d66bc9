"""What was recorded of a test as JSON, piece by piece, so that a million messages need no more memory than one. Pure.

What each field means is in ``docs/timeline.md``.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..faults import Fault
from ..triggers import Trigger
from .json_ids import IdEncoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..history import History
    from ..ledger import Connect, Delivery, DeliveryRecord, Send
    from ..recorded import RecordedRun

FORMAT = "pytest-netchaos timeline"
#: Raised when a reader of the old version would misunderstand the new one; a field that is added doesn't raise it.
VERSION = 1

#: Events that are written at once: one by one, they would take a third longer.
_BATCH = 1000
#: Digits after the point: a nanosecond, as fine as the clock counts.
_DIGITS = 9
#: The fields that are times; they count from the first event.
_TIMES = frozenset(
    ("at", "ended_at", "hung_up_at", "opened_at", "closed_at", "server_hung_up_at", "started_at", "healed_at", "until",
     "now", "armed_at", "disarmed_at")
)  # fmt: skip

_text = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


def pieces(recorded: RecordedRun) -> Iterator[str]:
    """Write it, each event in a line of its own."""
    shift = _Shift(recorded.zero)
    yield "{\n"
    for name, value in _head(recorded).items():
        yield f"{_text(name)}:{_text(value)},\n"
    yield from _array("notes", ([shift.time(note.at), str(note.text)] for note in recorded.notes))
    yield from _array("lags", map(shift.row, recorded.lags))
    yield '"links":['
    for number, history in enumerate(recorded.links.values()):
        yield "," if number else ""
        yield from _link(history, recorded.upstreams.get(history.link, ""), shift)
    yield '],\n"ledgers":['
    ids = IdEncoder()
    for number, record in enumerate(recorded.ledgers):
        yield "," if number else ""
        yield from _ledger(record, ids, shift)
    yield "]\n}\n"


def _head(recorded: RecordedRun) -> Mapping[str, object]:
    run = recorded.run
    day = datetime.fromtimestamp(recorded.unix_zero, UTC).isoformat(timespec="microseconds")
    return {
        "format": FORMAT,
        "version": VERSION,
        "test": run.test,
        "outcome": run.outcome,
        "seed": str(recorded.seed),
        "run_seed": str(run.run_seed),  # as text, since other readers keep 53 bits
        "engine": run.engine,
        "zero": day,
        "unix_zero": recorded.unix_zero,
        "remarks": recorded.remarks,
    }


class _Shift:
    """Counts times from the first event, and writes values down as what JSON knows."""

    def __init__(self, zero: float) -> None:
        self._zero = zero

    def time(self, at: float) -> float:
        return round(at - self._zero, _DIGITS)

    def text(self, at: float) -> str:
        """Write the same time, in a third of the time that its shortest spelling takes."""
        return f"{at - self._zero:.{_DIGITS}f}"

    def row(self, value: Any) -> dict[str, object]:  # noqa: ANN401 - any of the frozen values of a history
        """Write a dataclass, without the fields that have their defaults."""
        return {
            field.name: self._value(field.name, getattr(value, field.name))
            for field in fields(value)
            if not _is_default(field, getattr(value, field.name))
        }

    def _value(self, name: str, value: object) -> object:
        if isinstance(value, Fault):
            return _fault(value)
        if isinstance(value, Trigger):
            return {"trigger": type(value).__name__} | {f.name: getattr(value, f.name) for f in fields(value)}
        if isinstance(value, float):
            return self.time(value) if name in _TIMES else round(value, _DIGITS)
        return value


def _fault(fault: Fault) -> dict[str, object]:
    """Write a fault as it was given."""
    given = {field.name: getattr(fault, field.name) for field in fields(fault)}
    return {"kind": fault.kind} | {
        name: _fault(value) if isinstance(value, Fault) else value for name, value in given.items()
    }


def _is_default(field: Field[Any], value: object) -> bool:
    return field.default is not MISSING and value == field.default


def _link(history: History, upstream: str, shift: _Shift) -> Iterator[str]:
    yield f'\n{{"name":{_text(history.link)},"upstream":{_text(upstream)},'
    yield f'"now":{_text(shift.time(history.now))},"blind":{_text(history.dials.blind)},\n'
    yield from _array("dials", map(shift.row, history.dials))
    yield from _array("connections", map(shift.row, history.connections))
    yield from _array("faults", map(shift.row, history.faults))
    yield from _array("armed", map(shift.row, history.armed), end="}")


def _ledger(record: DeliveryRecord, ids: IdEncoder, shift: _Shift) -> Iterator[str]:
    yield f'\n{{"now":{_text(shift.time(record.now))},"strict":{_text(record.strict)},'
    yield f'"subscribers":[{",".join(map(ids.encode, record.subscribers))}],\n'
    yield from _array("outages", map(shift.row, record.outages))
    yield from _lines("sends", (_send(send, ids, shift) for send in record.sends))
    yield from _lines("deliveries", (_delivery(delivery, ids, shift) for delivery in record.deliveries))
    yield from _lines("connects", (_connect(connect, ids, shift) for connect in record.connects), end="}")


# Messages are arrays, and written without a detour: there may be a million of them.


def _send(send: Send, ids: IdEncoder, shift: _Shift) -> str:
    written = f"[{ids.encode(send.id)},{shift.text(send.at)}"
    if send.settled_at is not None:
        return f'{written},"{send.outcome}",{ids.encode(send.sender)},{shift.text(send.settled_at)}]'
    if send.sender:
        return f'{written},"{send.outcome}",{ids.encode(send.sender)}]'
    return f"{written}]" if send.outcome == "ok" else f'{written},"{send.outcome}"]'


def _delivery(delivery: Delivery, ids: IdEncoder, shift: _Shift) -> str:
    to = f",{ids.encode(delivery.subscriber)}" if delivery.subscriber else ""
    return f"[{ids.encode(delivery.id)},{shift.text(delivery.at)}{to}]"


def _connect(connect: Connect, ids: IdEncoder, shift: _Shift) -> str:
    return f"[{shift.text(connect.at)},{ids.encode(connect.subscriber)},{ids.encode(connect.session)}]"


def _array(name: str, rows: Iterable[object], end: str = ",") -> Iterator[str]:
    return _lines(name, map(_text, rows), end)


def _lines(name: str, rows: Iterable[str], end: str = ",") -> Iterator[str]:
    yield f'"{name}":['
    left, between = iter(rows), "\n"
    while batch := ",\n".join(islice(left, _BATCH)):
        yield between + batch
        between = ",\n"
    yield f"]{end}\n"
