"""What nodes say to each other, so that none of them misses an event: pure, and without Redis.

Besides its events, a node says its *place*: which events it has, and which it has seen of each other node. It does so
when it has (again) become a subscriber, when it finds a gap, and when it was away; others answer with their events from
that number on. Whatever of this is lost, the next place brings up again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from examples.stories.redis_restart.sequences import Inbox, Outbox

Message = dict[str, Any]


class Heard(NamedTuple):
    """What a message calls for."""

    is_new: bool = False  #: It is an event, and to be handled now.
    must_greet: bool = False  #: This node is to say its place.
    missed: int = 0  #: So many events will never come.


_NOTHING, _NEW = Heard(), Heard(is_new=True)


class Conversation:
    """A node's part of it.

    Args:
        me: This node's name; a node that has restarted has another one.
        outbox: Its own events. Whoever is behind makes it rewind.
    """

    def __init__(self, me: str, outbox: Outbox) -> None:
        self._me = me
        self.outbox = outbox
        self.inbox = Inbox()

    def numbered(self, data: Message, number: int) -> Message:
        """Return an event as it is published. Nodes with the stock manager take it as well."""
        return {"node": self._me, "number": number, **data}

    def place(self) -> Message:
        """Return this node's place."""
        own = self.outbox
        numbers = {"first": own.first, "next": own.next, "sent": own.sent, "seen": dict(self.inbox.seen)}
        return {"node": self._me, "method": "place", **numbers}

    def hear(self, data: Message) -> Heard:
        """Take in whatever arrived, one's own included."""
        node = data.get("node")
        if node == self._me:
            return _NOTHING
        if node is None:
            return _NEW  # from a node with the stock manager
        if data["method"] == "place":
            return self._compare(node, data)
        if self.inbox.take(node, data["number"]):
            return _NEW
        return Heard(must_greet=self.inbox.must_ask(node, data["number"]))

    def _compare(self, node: str, place: Message) -> Heard:
        """Find out whether one of the two has missed something, or doesn't know the other."""
        seen_here, missed = place["seen"].get(self._me), self.inbox.missed
        if seen_here is not None and seen_here < self.outbox.last:
            self.outbox.rewind(seen_here + 1)
        is_behind = self.inbox.place(node, first=place["first"], following=place["next"], sent=place["sent"])
        must_greet = is_behind or seen_here is None or seen_here < self.outbox.last
        return Heard(must_greet=must_greet, missed=self.inbox.missed - missed)
