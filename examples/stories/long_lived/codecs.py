"""How messages are written: JSON, or MessagePack."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgpack


class Codec(NamedTuple):
    """Both ways."""

    encode: Callable[[Any], str | bytes]
    decode: Callable[[Any], Any]


JSON = Codec(json.dumps, json.loads)
MESSAGE_PACK = Codec(msgpack.packb, msgpack.unpackb)
