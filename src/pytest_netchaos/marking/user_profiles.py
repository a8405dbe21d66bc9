"""The profiles in a project's ``pyproject.toml``, checked by name and value. No I/O.

::

    [tool.netchaos.profiles.warehouse]
    latency = 0.08                          # seconds, one way
    jitter = 0.02                           # seconds
    down = 250_000                          # bytes per second, from the server
    up = 60_000                             # bytes per second, to the server
    loss = 0.01                             # share of the packets
    mean_burst = 4                          # packets in a row
    flap = { down = [0.1, 0.5], up = 5.0 }  # seconds, or from … to …
    idle_timeout = 60                       # seconds of silence, after which a connection is closed
    source = "measured there in May"
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator

from ..faults import Delay, Fault, Flap, IdleTimeout, check_duration, check_number
from ..loss import Loss
from ..profiles import Profile, line

_KEYS = ("latency", "jitter", "down", "up", "loss", "mean_burst", "flap", "idle_timeout", "source")
_TABLE = "tool.netchaos.profiles"


def profiles_in(text: str) -> Iterator[Profile]:
    """Yield the profiles of a ``pyproject.toml``.

    Raises:
        ValueError: It isn't TOML, or says something that no profile can; with the key's full name.
    """
    document: object = tomllib.loads(text)
    for name in ("tool", "netchaos", "profiles"):
        if name == "profiles" and isinstance(document, dict):
            _check_table(document)
        document = document.get(name, {}) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise ValueError(f"{_TABLE} must be a table with a table for each profile")  # noqa: TRY004 - the file's value
    for name, table in document.items():
        yield _profile(name, table)


def _check_table(table: dict[str, object]) -> None:
    for key in table:
        if key != "profiles":
            raise ValueError(
                f"tool.netchaos has no key {key!r}: it takes profiles; "
                "options are netchaos_… in tool.pytest.ini_options"
            )


def _profile(name: str, table: object) -> Profile:
    place = f"{_TABLE}.{name}"
    if not isinstance(table, dict):
        raise ValueError(f"{place} must be a table, not {table!r}")  # noqa: TRY004 - the file's value
    for key in table:
        if key not in _KEYS:
            raise ValueError(f"{place} has no key {key!r}{_hint(key)}")
    source = table.get("source", "pyproject.toml")
    if not isinstance(source, str):
        raise ValueError(f"{place}.source must be a text, not {source!r}")  # noqa: TRY004 - the file's value
    try:
        return Profile(name, tuple(_faults(table)), source)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}") from None


def _hint(key: str) -> str:
    if key.endswith("_ms"):
        return f": {key.removesuffix('_ms')} is in seconds"
    close = difflib.get_close_matches(key, _KEYS, n=1)
    return f": did you mean {close[0]!r}?" if close else f": it takes {', '.join(_KEYS)}"


def _faults(table: dict[str, object]) -> Iterator[Fault]:
    latency, jitter, down, up = (_number(table, key) for key in ("latency", "jitter", "down", "up"))
    if latency is not None:
        yield Delay(latency, jitter or 0.0)
    elif jitter is not None:
        raise ValueError("jitter needs a latency that it is a part of")
    rates = line(down=down, up=up)
    if "loss" in table:
        if not latency:
            raise ValueError("loss needs a latency above 0: what a stream gets through depends on its round trip")
        yield from _loss(table).faults(2 * latency, down, up)
    elif "mean_burst" in table:
        raise ValueError("mean_burst needs a loss")
    else:
        yield from rates
    if "flap" in table:
        yield _flap(table["flap"])
    if (timeout := _number(table, "idle_timeout")) is not None:
        yield IdleTimeout(timeout)


def _loss(table: dict[str, object]) -> Loss:
    loss, burst = _number(table, "loss"), _number(table, "mean_burst")
    assert loss is not None
    return Loss(loss) if burst is None else Loss(loss, burst)


def _number(table: dict[str, object], key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} must be a number, not {value!r}")  # noqa: TRY004 - the file's value
    if key in ("latency", "jitter"):
        check_duration(key, value)
    elif key == "idle_timeout":
        check_duration(key, value, above=True)
    elif key in ("down", "up"):
        check_number(f"{key} (bytes per second)", value, low=0, high=1e12, above=True)
    return value


def _flap(value: object) -> Flap:
    if not isinstance(value, dict) or set(value) != {"down", "up"}:
        raise ValueError(f"flap must be a table such as {{ down = 0.2, up = [1.0, 5.0] }}, not {value!r}")
    down, up = (tuple(span) if isinstance(span := value[key], list) else span for key in ("down", "up"))
    try:
        return Flap(down=down, up=up)
    except (TypeError, ValueError) as error:
        raise ValueError(f"flap: {error}") from None
