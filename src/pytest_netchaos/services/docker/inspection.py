"""What the daemon's reply to ``GET /containers/…/json`` means; an empty one stands for a container that is gone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..kernel import signal_suffix

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Docker's exit code for a program that a signal has ended, less the signal.
_SIGNALLED = 128


def state(found: Mapping[str, Any]) -> str:
    """``"running"``, ``"paused"``, ``"down"`` or ``"gone"``."""
    if not found or found["State"].get("Dead"):
        return "gone"
    if found["State"]["Paused"]:
        return "paused"
    return "running" if found["State"]["Running"] else "down"


def exit_code(found: Mapping[str, Any]) -> int | None:
    """How its program ended; ``None`` if it hasn't."""
    return int(found["State"]["ExitCode"]) if state(found) == "down" else None


def ending(found: Mapping[str, Any]) -> str:
    """How its program ended, for a message."""
    code = exit_code(found)
    if code is None:
        return f"it is {state(found)}"
    killed = " (out of memory)" if found["State"].get("OOMKilled") else signal_suffix(_SIGNALLED - code)
    trouble = found["State"].get("Error")
    return f"it ended with exit code {code}{killed}{f': {trouble}' if trouble else ''}"


def command(found: Mapping[str, Any]) -> str:
    """What runs in it."""
    return " ".join([found.get("Path", ""), *found.get("Args", ())])


def finished_at(found: Mapping[str, Any]) -> float | None:
    """When its program last ended, in seconds of the daemon's clock; ``None`` if it never has."""
    text = found["State"]["FinishedAt"] if found else "0001"
    return None if text.startswith("0001") else datetime.fromisoformat(text).timestamp()
