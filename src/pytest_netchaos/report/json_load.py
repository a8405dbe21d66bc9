"""Read a JSON timeline back, so that matchers can judge a test that is long over."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .. import faults
from ..faults import Fault
from ..history import ArmedFault, Connection, Dial, Dials, FaultSpan, History, Lag, Outage, Position
from ..ledger import Connect, Delivery, DeliveryRecord, Note, Send
from ..recorded import RecordedRun, RunOfTest
from ..triggers import AfterBytes, OnConnection, OnDial
from .json_ids import decode
from .json_write import FORMAT, VERSION

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

T = TypeVar("T")

_FAULTS = {
    value.kind: value
    for value in vars(faults).values()
    if isinstance(value, type) and issubclass(value, Fault) and value.kind
}


_TRIGGERS = {kind.__name__: kind for kind in (OnConnection, OnDial, AfterBytes)}


def load_timeline(path: str | os.PathLike[str]) -> RecordedRun:
    """Read a file that ``--netchaos-timeline`` has written.

    Args:
        path: The file. A million messages take a few seconds.

    Returns:
        What the test saw. All its times are seconds since the first event. Ids that JSON can't hold are stood for by
        objects that look like them, and are equal where the ids were.

    Raises:
        OSError: It can't be read.
        ValueError: It's no timeline, or one of a later version.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path} is no timeline: it doesn't say 'format': {FORMAT!r}")
    if data.get("version") != VERSION:
        raise ValueError(
            f"{path} is a timeline of version {data.get('version')!r}, and this pytest-netchaos reads {VERSION}: "
            "read it with the one that wrote it"
        )
    try:
        return _recorded(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is a timeline that was damaged: {type(error).__name__}: {error}") from error


def _recorded(data: dict[str, Any]) -> RecordedRun:
    lags = tuple(_value(Lag, row) for row in data["lags"])
    return RecordedRun(
        run=RunOfTest(data["test"], data["outcome"], int(data["run_seed"]), data["engine"]),
        seed=int(data["seed"]),
        unix_zero=data["unix_zero"],
        links={link["name"]: _history(link, lags) for link in data["links"]},
        upstreams={link["name"]: link["upstream"] for link in data["links"]},
        ledgers=tuple(map(_record, data["ledgers"])),
        notes=tuple(Note(*row) for row in data["notes"]),
        lags=lags,
        remarks=tuple(data["remarks"]),
    )


def _history(link: dict[str, Any], lags: tuple[Lag, ...]) -> History:
    return History(
        link["name"],
        link["now"],
        Dials((_value(Dial, row) for row in link["dials"]), link["blind"], lags),
        tuple(_value(Connection, row) for row in link["connections"]),
        tuple(_value(FaultSpan, row) for row in link["faults"]),
        tuple(_value(ArmedFault, row) for row in link.get("armed", ())),
    )


def _record(ledger: dict[str, Any]) -> DeliveryRecord:
    return DeliveryRecord(
        sends=tuple(_send(*row) for row in _emptied(ledger["sends"])),
        deliveries=tuple(_delivery(*row) for row in _emptied(ledger["deliveries"])),
        subscribers=tuple(map(decode, ledger["subscribers"])),
        outages=tuple(_value(Outage, row) for row in ledger["outages"]),
        now=ledger["now"],
        connects=tuple(
            Connect(at, decode(subscriber), decode(session)) for at, subscriber, session in ledger["connects"]
        ),
        strict=ledger["strict"],
    )


def _send(
    id_: Any,  # noqa: ANN401 - of the file
    at: float,
    outcome: Any = "ok",  # noqa: ANN401 - of the file
    sender: Any = "",  # noqa: ANN401 - of the file
    settled_at: float | None = None,
) -> Send:
    return Send(decode(id_), at, _name(outcome), _name(sender), settled_at)


def _delivery(id_: Any, at: float, subscriber: Any = "") -> Delivery:  # noqa: ANN401 - of the file
    return Delivery(decode(id_), at, _name(subscriber))


def _name(value: Any) -> Any:  # noqa: ANN401 - a text, unless somebody has named a subscriber otherwise
    """Return one object for all who are called the same: a million messages have few senders."""
    return sys.intern(value) if isinstance(value, str) else decode(value)


def _emptied(rows: list[T]) -> Iterator[T]:
    """Go through a list and let go of each row: the messages needn't be there twice."""
    rows.reverse()
    while rows:
        yield rows.pop()


def _value(kind: type[T], row: dict[str, Any]) -> T:
    """Make a frozen value of its fields; those that a later writer has added are left out."""
    known = {field.name for field in dataclasses.fields(cast("Any", kind))}
    return kind(**{name: _part(value) for name, value in row.items() if name in known})


def _part(value: object) -> object:
    if isinstance(value, list):
        return tuple(Position(*each) if isinstance(each, list) else each for each in value)
    if isinstance(value, dict):
        kind = _TRIGGERS[value["trigger"]] if "trigger" in value else _FAULTS[value["kind"]]
        return _value(kind, value)
    return value
