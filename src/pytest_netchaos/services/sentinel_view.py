"""What sentinels and servers say of each other when they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sentinel_files import HASTE
from .topology import ask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .resp import Reply
    from .topology import Member


class View:
    """Asks the members of a topology.

    Args:
        service: What the sentinels call the primary.
        servers: The primary and its replicas, in any order.
        sentinels: The sentinels.
    """

    def __init__(self, service: str, servers: Sequence[Member], sentinels: Sequence[Member]) -> None:
        self._service = service
        self._servers = {member.address: member for member in servers}
        self._sentinels = tuple(sentinels)

    def primary(self) -> Member | None:
        """Whom all sentinels that run take for the primary; ``None`` while they disagree or fail over, or none runs."""
        named = [self._named_by(each) for each in self._sentinels if each.server.state == "running"]
        return named[0] if named and len(set(named)) == 1 else None

    def is_failing_over(self, sentinel: Member) -> bool:
        """Whether this sentinel is at it."""
        return "failover_in_progress" in _flags(self._record(sentinel))

    def is_complete(self) -> bool:
        """Whether each sentinel sees each server and each other sentinel, all of them well."""
        return all(map(self._sees_all, self._sentinels))

    def stragglers(self, primary: Member, offset: int) -> list[Member]:
        """The running servers that don't follow ``primary``, or haven't what it had written up to ``offset``."""
        others = [member for member in self._servers.values() if member is not primary]
        return [m for m in others if m.server.state == "running" and not _follows(m, primary, offset)]

    def describe(self) -> str:
        """Say what each of them says, for an error message."""
        said = [f"{each.name} names {self._opinion(each)}" for each in self._sentinels]
        said += [f"{each.name} is {_role(each)}" for each in self._servers.values()]
        return "; ".join(said)

    def _named_by(self, sentinel: Member) -> Member | None:
        # Not by GET-MASTER-ADDR-BY-NAME: the one that leads a failover names the new primary to clients before it is
        # through. Should that one fail now, it would wait for it for ever, and say so for ever.
        record = self._record(sentinel)
        if "failover_in_progress" in _flags(record):
            return None
        return self._servers.get((record.get("ip", ""), int(record.get("port", 0))))

    def _record(self, sentinel: Member) -> dict[str, str]:
        return _record(ask(sentinel, "SENTINEL", "MASTER", self._service))

    def _sees_all(self, sentinel: Member) -> bool:
        replicas, others = self._replicas(sentinel), self._others(sentinel)
        return (
            _flags(self._record(sentinel)) == {"master"}
            and replicas == ["well"] * (len(self._servers) - 1)
            and others == ["well"] * (len(self._sentinels) - 1)
        )

    def _replicas(self, sentinel: Member) -> list[str]:
        """How this sentinel finds each replica that it knows: well, or what is wrong with it."""
        records = _records(ask(sentinel, "SENTINEL", "REPLICAS", self._service))
        return [_health(each, "slave", each.get("master-link-status", "no answer")) for each in records]

    def _others(self, sentinel: Member) -> list[str]:
        """The same for the other sentinels."""
        return [_health(each, "sentinel") for each in _records(ask(sentinel, "SENTINEL", "SENTINELS", self._service))]

    def _opinion(self, sentinel: Member) -> str:
        if sentinel.server.state != "running":
            return f"nobody: it is {sentinel.server.state}"
        named = self._named_by(sentinel)
        flags = self._record(sentinel).get("flags", "no answer")
        replicas = _counted("replica", self._replicas(sentinel), len(self._servers) - 1)
        others = _counted("sentinel", self._others(sentinel), len(self._sentinels) - 1)
        return f"{named.name if named else 'nobody'} ({flags}){replicas}{others}"


def hasten(sentinel: Member) -> None:
    """Have a sentinel that has just started do everything more often than it usually would."""
    # Before Redis 7 it knows no such thing, and takes its time.
    ask(sentinel, "SENTINEL", "DEBUG", *(word for pair in HASTE.items() for word in pair))


def offset_of(primary: Member) -> int | None:
    """How much a primary has written until now, in bytes; ``None`` if it isn't one (any more), or doesn't answer."""
    role = ask(primary, "ROLE")
    if isinstance(role, list) and role[0] == b"master" and isinstance(role[1], int):
        return role[1]
    return None


def _follows(member: Member, primary: Member, offset: int) -> bool:
    role = ask(member, "ROLE")
    if not isinstance(role, list) or role[0] != b"slave":
        return False
    _, host, port, state, copied = role
    where = (host.decode() if isinstance(host, bytes) else "", port)
    return where == primary.address and state == b"connected" and isinstance(copied, int) and copied >= offset


def _role(member: Member) -> str:
    if member.server.state != "running":
        return member.server.state
    role = ask(member, "ROLE")
    if not isinstance(role, list):
        return "silent"
    if role[0] == b"master":
        return f"a primary with {len(role[2]) if isinstance(role[2], list) else 0} replicas at {role[1]!r}"
    words = [part.decode() if isinstance(part, bytes) else str(part) for part in role[1:]]
    return f"a replica of {words[0]}:{words[1]}, {words[2]}, at {words[3]}"


def _health(record: dict[str, str], role: str, link: str = "ok") -> str:
    """Say that one of its records is of a member that is well, or what else it says."""
    if _flags(record) != {role}:
        return record.get("flags", "no answer")
    return "well" if link == "ok" else f"link {link}"


def _counted(role: str, found: list[str], expected: int) -> str:
    """Say what there is to say of those whom a sentinel sees; nothing, if it sees all of them well."""
    if found == ["well"] * expected:
        return ""
    ill = [each for each in found if each != "well"]
    shown = f" ({', '.join(ill)})" if ill else ""
    return f", sees {len(found)} of {expected} {role}s{shown}"


def _record(reply: Reply) -> dict[str, str]:
    items = [item.decode() for item in reply if isinstance(item, bytes)] if isinstance(reply, list) else []
    return dict(zip(items[::2], items[1::2], strict=True))


def _records(reply: Reply) -> list[dict[str, str]]:
    return [_record(each) for each in reply] if isinstance(reply, list) else []


def _flags(record: dict[str, str]) -> set[str]:
    return set(record.get("flags", "").split(","))
