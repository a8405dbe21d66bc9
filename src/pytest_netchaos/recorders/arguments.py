"""The arguments of one call, by name, however they were passed. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parameter_order(function: Callable[..., Any], *behind: Callable[..., Any]) -> dict[str, int]:
    """Return the position of each parameter that can be passed by position; nothing where Python can't tell.

    Args:
        function: What is called.
        behind: What it hands its ``*args`` on to: the methods that a method overrides, the nearest first. They name
            what ``*args`` doesn't.
    """
    order: dict[str, int] = {}
    for called in (function, *behind):
        try:
            parameters = inspect.signature(called).parameters.values()
        except (TypeError, ValueError):
            break
        named = [parameter.name for parameter in parameters if parameter.kind in _POSITIONAL]
        order |= {name: place for place, name in enumerate(named) if place >= len(order) and name not in order}
        if not any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
            break
    return order


class Arguments:
    """What one call was given; `put` changes what the function gets."""

    __slots__ = ("_order", "named", "positional")

    def __init__(self, order: Mapping[str, int], positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._order = order
        self.positional = positional
        self.named = named

    def get(self, name: str) -> Any:  # noqa: ANN401 - whatever was passed
        """Return an argument; ``None`` if it was left out."""
        if name in self.named:
            return self.named[name]
        place = self._order.get(name)
        return self.positional[place] if place is not None and place < len(self.positional) else None

    def require(self, which: str | int) -> Any:  # noqa: ANN401 - whatever was passed
        """Return an argument by name or position.

        Raises:
            LookupError: It was left out.
        """
        if isinstance(which, str) and which in self.named:
            return self.named[which]
        place = which if isinstance(which, int) else self._order.get(which, len(self.positional))
        if place < len(self.positional):
            return self.positional[place]
        names = [name for name, position in self._order.items() if position == place and name in self.named]
        if names:
            return self.named[names[0]]
        raise LookupError(f"there is no argument {which!r} in the call")

    def after(self, name: str) -> tuple[Any, ...]:
        """Return the positional arguments behind a parameter."""
        return self.positional[self._order[name] + 1 :]

    def put(self, name: str, value: object) -> None:
        """Replace an argument, where it was passed."""
        place = self._order.get(name, len(self.positional))
        if place >= len(self.positional):
            self.named[name] = value
        else:
            self.positional = (*self.positional[:place], value, *self.positional[place + 1 :])
