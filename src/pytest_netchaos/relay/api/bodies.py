"""JSON bodies as Go reads them: the first value only, keys in any case, and a type that fits or a refusal. Pure."""

from __future__ import annotations

import json  # 23 ms, and not with the first request: there may be no descriptor to read it with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a refusal of a body begins with, as Toxiproxy's do.
BAD = "bad request body"
_WHITE = " \t\r\n"
_INT64 = 1 << 63
#: What a number of 64 bits may be, sign and all, in digits: Python would read longer ones in quadratic time.
_LONGEST_INT = 40


class Refused(Exception):
    """A request that isn't carried out, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Number(str):
    """A JSON number as it was written: ``1.0`` is no integer."""

    __slots__ = ()


class Members(list):  # type: ignore[type-arg]  # list[tuple[str, object]] can't be a base without typing's cost
    """A JSON object: its members in order, duplicates included."""

    __slots__ = ()


def decode(body: bytes) -> object:
    """Read the first JSON value. What is behind it is ignored, and invalid UTF-8 is replaced.

    Raises:
        Refused: There is none.
    """
    text = body.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(_WHITE))
    if start == len(text):
        raise Refused(400, f"{BAD}: EOF")
    decoder = json.JSONDecoder(
        object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant
    )
    try:
        return decoder.raw_decode(text, start)[0]
    except RecursionError:
        raise Refused(400, f"{BAD}: it is nested too deeply") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip(_WHITE)) or error.msg.startswith("Unterminated"):
            raise Refused(400, f"{BAD}: unexpected EOF") from None
        raise Refused(400, f"{BAD}: invalid JSON at character {error.pos + 1}: {error.msg}") from None


def _refuse_constant(said: str) -> object:
    raise Refused(400, f"{BAD}: invalid JSON: {said} is no number")


def show(value: object) -> str:
    """Write a value for a message: what it is, and what it says if that is short."""
    if isinstance(value, Members):
        return "an object"
    if isinstance(value, list):
        return "an array"
    said = str(value) if isinstance(value, Number) else repr(value) if isinstance(value, str) else str(value).lower()
    return said if len(said) <= 80 else f"{said[:77]}..."  # noqa: PLR2004 - a line


def members(value: object, what: str) -> Iterator[tuple[str, object]]:
    """Yield an object's members with their keys in lower case, in order, but for those that are ``null``.

    ``null`` itself has no members.

    Raises:
        Refused: It is no object.
    """
    if value is None:
        return
    if not isinstance(value, Members):
        raise Refused(400, f"{BAD}: {what} must be an object, not {show(value)}")
    for key, said in value:
        if said is not None:
            yield key.casefold(), said


def string(value: object, field: str) -> str:
    """Return a string. Halves of a character that UTF-8 can't have become U+FFFD.

    Raises:
        Refused: It is none.
    """
    if not isinstance(value, str) or isinstance(value, Number):
        raise Refused(400, f"{BAD}: {field} must be a string, not {show(value)}")
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)


def boolean(value: object, field: str) -> bool:
    """Return a truth value.

    Raises:
        Refused: It is none.
    """
    if not isinstance(value, bool):
        raise Refused(400, f"{BAD}: {field} must be true or false, not {show(value)}")
    return value


def integer(value: object, field: str) -> int:
    """Return an integer of 64 bits, written as one: ``1.0`` and ``1e3`` are none.

    Raises:
        Refused: It is none.
    """
    if not isinstance(value, Number) or any(sign in value for sign in ".eE") or len(value) > _LONGEST_INT:
        raise Refused(400, f"{BAD}: {field} must be an integer, not {show(value)}")
    number = int(value)
    if not -_INT64 <= number < _INT64:
        raise Refused(400, f"{BAD}: {field} must be an integer of 64 bits, not {value}")
    return number


def number(value: object, field: str) -> float:
    """Return a number.

    Raises:
        Refused: It is none.
    """
    if not isinstance(value, Number):
        raise Refused(400, f"{BAD}: {field} must be a number, not {show(value)}")
    return float(value)


def items(value: object, what: str) -> list[object]:
    """Return an array's items; of ``null`` there are none.

    Raises:
        Refused: It is none.
    """
    if value is None:
        return []
    if not isinstance(value, list) or isinstance(value, Members):
        raise Refused(400, f"{BAD}: {what} must be an array, not {show(value)}")
    return value


def encode(value: object) -> bytes:
    """Write a value as JSON, without spaces, as Go does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class ProxyInput:
    """What a body says of a proxy; ``None`` where it says nothing."""

    __slots__ = ("enabled", "listen", "name", "toxics", "upstream")

    def __init__(self, value: object, where: str = "") -> None:
        self.name: str | None = None
        self.listen: str | None = None
        self.upstream: str | None = None
        self.enabled: bool | None = None
        #: As it was sent; read where toxics may stand beside a proxy.
        self.toxics: object = None
        for key, said in members(value, f"a proxy{where}"):
            if key == "name":
                self.name = string(said, f"name{where}")
            elif key == "listen":
                self.listen = string(said, f"listen{where}")
            elif key == "upstream":
                self.upstream = string(said, f"upstream{where}")
            elif key == "enabled":
                self.enabled = boolean(said, f"enabled{where}")
            elif key == "toxics":
                self.toxics = said

    def require(self, where: str = "") -> ProxyInput:
        """Return it.

        Raises:
            Refused: It has no name, or no upstream.
        """
        for field, said in (("name", self.name), ("upstream", self.upstream)):
            if not said:
                raise Refused(400, f"missing required field: {field}{where}")
        return self
