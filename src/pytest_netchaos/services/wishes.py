"""What a test wants of a container, checked before anything is started. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..faults import check_duration

#: What proves that a server serves: a text in its log, or a question that is asked with its host and port.
Ready: TypeAlias = "str | Callable[[str, int], object] | None"

# A bad value is the fault of the line that wrote it: pytest's traceback is to end there, and not here.
__tracebackhide__ = True

_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The arguments of ``netchaos.container(…)`` that are its container's."""

    image: str
    ports: tuple[int, ...]
    command: list[str] | None
    env: dict[str, str]
    ready: Ready
    timeout: float

    @classmethod
    def check(
        cls,
        image: object,
        port: object,
        command: object,
        env: object,
        ready: object,
        timeout: float,
    ) -> Wishes:
        """Refuse what can't be, by its name and value.

        Raises:
            TypeError: Something is of the wrong kind.
            ValueError: Something is of the right kind, and can't be all the same.
        """
        check_duration("timeout", timeout, above=True)
        return cls(_image(image), _ports(port), _command(command), _env(env), _ready(ready), timeout)


def _image(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"image must be the name of an image such as 'redis:7', not {value!r}")
    if not value.strip():
        raise ValueError(f"image must be the name of an image such as 'redis:7', not {value!r}")
    return value


def _ports(value: object) -> tuple[int, ...]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, (int, Iterable)):
        raise TypeError(f"port must be a whole number, or several, not {value!r}")
    ports = (value,) if isinstance(value, int) else tuple(value)
    for port in ports:
        if isinstance(port, bool) or not isinstance(port, int):
            raise TypeError(f"port must be a whole number, or several, not {value!r}")
        if port not in _PORTS:
            raise ValueError(f"port must be a whole number from 1 to 65535, not {port!r}")
    if len(set(ports)) < len(ports):
        raise ValueError(f"port must name each port once, not {value!r}")
    return ports


def _command(value: object) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, (str, bytes)):
        raise TypeError(f"command must be a list of words, not a text: write {value.split()!r}, and not {value!r}")
    if not isinstance(value, Sequence) or not all(isinstance(word, str) for word in value):
        raise TypeError(f"command must be a list of words, not {value!r}")
    return list(value)


def _env(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"env must be a mapping of names to texts such as {{'WORD': 'x'}}, not {value!r}")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(f"env must be a mapping of names to texts, and {name!r}: {text!r} isn't")
        if not name or "=" in name or "\0" in name + text:
            raise ValueError(f"env must be a mapping of names to texts, and {name!r}: {text!r} can't be")
    return dict(value)


def _ready(value: object) -> Ready:
    if isinstance(value, str) and not value:
        raise ValueError("ready must be a text in the server's log or a function, not ''")
    if value is None or isinstance(value, str) or callable(value):
        return value
    raise TypeError(f"ready must be a text in the server's log, a function of host and port, or None, not {value!r}")
