"""Ids of messages and sessions as JSON, and back, so that what was equal stays equal. Pure.

=========================================  ======================================================================
an id                                      is written as
=========================================  ======================================================================
text, number up to 2⁵³, true, false,       itself
``None``
what equals one of these                   that: ``Color.RED`` of an ``IntEnum``, a number of numpy's
tuple                                      ``{"tuple": […]}``
bytes                                      ``{"bytes": "00ff"}``, in hexadecimal
anything else                              ``{"repr": "UUID('…')", "number": 3}``: the number is the same for ids that
                                           are equal, and for no others
=========================================  ======================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

#: Other readers than Python's keep numbers as 64-bit floats: larger whole ones would lose their last digits, and a
#: larger float can be equal to one of these.
_LARGEST = 2**53


@dataclass(frozen=True, slots=True)
class OpaqueId:
    """Stands for an id that JSON can't hold. It equals those that the original was equal to."""

    number: int
    text: str

    def __eq__(self, other: object) -> bool:
        """Compare the numbers: equal ids may look different."""
        return isinstance(other, OpaqueId) and other.number == self.number

    def __hash__(self) -> int:
        """Hash the number."""
        return hash((OpaqueId, self.number))

    def __repr__(self) -> str:
        """Look like the original."""
        return self.text


class IdEncoder:
    """Writes the ids of one file."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def encode(self, id_: Hashable) -> str:
        """Write an id as JSON."""
        kind = type(id_)
        if kind is str:
            return encode_basestring_ascii(id_)  # type: ignore[arg-type]
        if kind is int and -_LARGEST <= id_ <= _LARGEST:  # type: ignore[operator]
            return repr(id_)
        return self._encode_rare(_plain(id_))

    def _encode_rare(self, id_: Hashable) -> str:
        if id_ is None or type(id_) is bool:
            return {None: "null", True: "true", False: "false"}[id_]
        if type(id_) is str:
            return encode_basestring_ascii(id_)
        if type(id_) in {int, float} and abs(id_) <= _LARGEST:  # type: ignore[arg-type]  # neither infinite nor no number
            return repr(id_)
        if type(id_) is tuple:
            return f'{{"tuple":[{",".join(map(self.encode, id_))}]}}'
        if type(id_) is bytes:
            return f'{{"bytes":"{id_.hex()}"}}'
        number = self._numbers.setdefault(id_, len(self._numbers))
        return f'{{"repr":{encode_basestring_ascii(_repr(id_))},"number":{number}}}'


def decode(value: Any) -> Any:  # noqa: ANN401 - what JSON holds, and what it stands for
    """Return the id that was written.

    Raises:
        ValueError: It isn't one.
    """
    if isinstance(value, list):
        raise ValueError(f"an id can't be a list: {value!r}")  # noqa: TRY004 - of the file, not of the argument
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(map(decode, value["tuple"]))
    if "bytes" in value:
        return bytes.fromhex(value["bytes"])
    return OpaqueId(value["number"], value["repr"])


def _plain(id_: Hashable) -> Hashable:
    """Return the value of a plain type that it equals, if there is one: they are one id to a ledger."""
    if type(id_) in _PLAIN:
        return id_
    for plain in (int, float, str, bytes, tuple):
        try:
            value: Hashable = _value(plain, id_)
            if value is not None and value == id_ and hash(value) == hash(id_):
                return value
        except Exception:  # noqa: BLE001, S112 - a foreign conversion or comparison: then it isn't plain
            continue
    return id_


_PLAIN = frozenset((str, int, float, bool, bytes, tuple, type(None)))


def _value(plain: Any, id_: Any) -> Any:  # noqa: ANN401 - a type and its value
    if plain is str:
        return str.__str__(id_) if isinstance(id_, str) else None
    if plain is bytes:
        return bytes(id_) if isinstance(id_, bytes | memoryview) else None
    if plain is tuple:
        return tuple(id_) if isinstance(id_, tuple) else None
    return plain(id_)


def _repr(id_: object) -> str:
    try:
        return repr(id_)
    except Exception as error:  # noqa: BLE001 - of a foreign object: its timeline is written all the same
        return f"<{type(id_).__name__} whose repr raised {type(error).__name__}>"
