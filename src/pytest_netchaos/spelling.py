"""Write a value of somebody else's class, whatever that does when it is asked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def spelled(value: object, write: Callable[[object], str] = repr) -> str:
    """Return how a value writes itself; where that raises, its class and what was raised.

    Args:
        value: Any.
        write: `repr` or `str`.
    """
    try:
        return write(value)
    except Exception as error:  # noqa: BLE001 - a user's class may do anything, and the test's own failure is to be told
        return f"<{type(value).__name__}: {type(error).__name__} in its {write.__name__}()>"
