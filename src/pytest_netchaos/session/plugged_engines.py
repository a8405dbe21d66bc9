"""The engines that plugins bring by the hook ``pytest_netchaos_engines``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..engines.base import Engine

#: A colon would make it a kind with an image or a program.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TAKEN = ("embedded", "docker", "toxiproxy")


def plugged(config: pytest.Config) -> Mapping[str, Callable[[], Engine]]:
    """Return what makes each engine, by name.

    Raises:
        pytest.UsageError: a plugin gave something else, or a name that is taken or can't be one.
    """
    made: dict[str, Callable[[], Engine]] = {}
    for given in reversed(config.hook.pytest_netchaos_engines()):  # in the order in which the plugins came
        if not isinstance(given, Mapping):
            raise pytest.UsageError(
                f"pytest_netchaos_engines must return a mapping of names to what makes the engine, not {given!r}"
            )
        for name, factory in given.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise pytest.UsageError(
                    f"pytest_netchaos_engines: an engine's name has letters, digits, '_', '.' and '-', not {name!r}"
                )
            if name in _TAKEN or name in made:
                raise pytest.UsageError(f"pytest_netchaos_engines: there is an engine {name!r} already")
            if not callable(factory):
                raise pytest.UsageError(f"pytest_netchaos_engines: {name!r} must be something to call, not {factory!r}")
            made[name] = factory
    return made
