"""Which message is it: how an id is read from a payload. Pure.

An id has to be the same at both ends, and what a payload looks like isn't: Redis takes a number and gives back bytes.
So text is what recorders of Redis and WebSockets compare, see `as_text`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, TypeAlias

IdRule: TypeAlias = Callable[[Any], Hashable] | str | int | None
"""How to get the id of a message from its payload.

===========  ======================================================================================================
``None``     the payload itself
``str``      a key of a mapping, else an attribute
``int``      an index of a list or a tuple, or a key of a mapping
a function   called with the payload
===========  ======================================================================================================

With a key or an index, a payload that is text is taken for JSON.
"""


def id_reader(rule: IdRule) -> Callable[[Any], Hashable]:
    """Return the function that reads ids.

    Raises:
        TypeError: ``rule`` is none of the four.
    """
    if rule is None:
        return _itself
    if isinstance(rule, (str, int)) and not isinstance(rule, bool):
        return partial(_part, rule)
    if callable(rule):
        return rule
    raise TypeError(
        f"id must be a key or an attribute (str), an index (int) or a function of the payload, not {rule!r}"
    )


def as_text(payload: object) -> object:
    """Return what the other end would see of a payload, as text; bytes that aren't UTF-8 stay bytes.

    Numbers are written as redis-py sends them: with `repr`.
    """
    if isinstance(payload, (bytes, bytearray, memoryview)):
        raw = bytes(payload)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw
    if isinstance(payload, (int, float)):
        return repr(payload)
    return payload


def _itself(payload: Hashable) -> Hashable:
    return payload


def _part(key: str | int, payload: Any) -> Hashable:  # noqa: ANN401 - whatever the test sends
    if isinstance(payload, (str, bytes)):
        payload = json.loads(payload)
    if isinstance(key, str) and not isinstance(payload, (Mapping, list, tuple)):
        attribute: Hashable = getattr(payload, key)
        return attribute
    part: Hashable = payload[key]
    return part
