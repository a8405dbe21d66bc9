"""What a Redis server was like before the first test, and how to make it so again without a restart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .resp import ErrorReply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .resp import Argument, Connection, Reply

_OBSERVE: Sequence[Sequence[Argument]] = [("CONFIG", "GET", "*"), ("ACL", "LIST")]
_CLEAR: Sequence[Sequence[Argument]] = [
    ("CLIENT", "UNPAUSE"),
    ("REPLICAOF", "NO", "ONE"),
    ("FLUSHALL", "SYNC"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "FLUSH"),
]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The settings and users that a server started with."""

    settings: dict[bytes, bytes]
    users: Reply


def observe(connection: Connection) -> Baseline:
    """The settings and users that a server has. Errors as for `Connection.pipeline`."""
    return _baseline(connection.pipeline(_OBSERVE))


def restore(connection: Connection, baseline: Baseline) -> bool:
    """Take back what tests can do to a running server: data, scripts, pauses, replication, settings.

    Connections, and what they subscribed to, stay.

    Returns:
        Whether that was all; ``False`` if only a restart can do it.

    Raises:
        OSError: It does not answer, or not in time: a script that hangs, ``DEBUG SLEEP``, ``CLIENT PAUSE … ALL``.
    """
    replies = connection.pipeline([*_CLEAR, *_OBSERVE])
    if any(_failed(reply) for reply in replies):
        return False
    now = _baseline(replies[-2:])
    if now.users != baseline.users:
        return False
    changed = [name for name, value in baseline.settings.items() if now.settings.get(name) != value]
    return not any(map(_failed, connection.pipeline([("CONFIG", "SET", k, baseline.settings[k]) for k in changed])))


def _baseline(replies: Sequence[Reply]) -> Baseline:
    settings, users = replies
    flat = [item for item in settings if isinstance(item, bytes)] if isinstance(settings, list) else []
    return Baseline(dict(zip(flat[::2], flat[1::2], strict=True)), users)


def _failed(reply: Reply) -> bool:
    # What an older server doesn't know (FUNCTION is of Redis 7), no test can have changed.
    return isinstance(reply, ErrorReply) and not reply.message.startswith("ERR unknown")
