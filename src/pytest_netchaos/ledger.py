"""What a test sent, and what arrived: the two lists that a delivery contract is judged by. No I/O but the clock.

The test writes both down itself, so it decides what a message is, what its id is, and where it counts as applied:
at the subscriber's handler, not at its socket.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from .arguments import check_id, check_name, check_session, check_time
from .attempt import Attempt, Send, SendOutcome, check_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from .history import Outage

__all__ = [
    "Attempt", "Connect", "Delivery", "DeliveryRecord", "Ledger", "LedgerCounts", "Note", "Send", "SendOutcome",
]  # fmt: skip

_by_time = attrgetter("at")


class Delivery(NamedTuple):
    """One arrival of a message at a subscriber."""

    id: Hashable
    #: Monotonic seconds.
    at: float
    subscriber: str = ""


class Connect(NamedTuple):
    """A subscriber came, or came back: from here on, what it gets is judged against what it had got before."""

    at: float
    subscriber: str = ""
    #: What tells a session that goes on from one that begins anew (a Socket.IO ``sid``, a resume token); ``None`` where
    #: nobody knows.
    session: Hashable | None = None


class Note(NamedTuple):
    """A line of its own for the timeline."""

    at: float
    text: str


class LedgerCounts(NamedTuple):
    """How much was written down until now."""

    sent: int
    delivered: int
    connected: int


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What a ledger held until ``now``: what delivery matchers judge."""

    #: In order of time.
    sends: tuple[Send, ...]
    deliveries: tuple[Delivery, ...]
    #: Who should have got every message: those declared, then those seen; at least ``""``.
    subscribers: tuple[str, ...]
    #: When the network was broken, in order of time.
    outages: tuple[Outage, ...]
    now: float
    #: In order of time.
    connects: tuple[Connect, ...] = ()
    #: Whether a verdict for which nothing had to cross a fault is a failure.
    strict: bool = False


class Ledger:
    """Write down what was sent and what arrived, from any thread or task, and compare it with a contract.

    ::

        ledger.sent(n)
        ...                                          # in the handler of the subscriber
        ledger.delivered(n)
        ...
        assert ledger == exactly_once(in_order=True)

    Nothing waits and nothing locks: to append to a list is atomic in CPython. A call takes about a microsecond.
    """

    def __init__(
        self,
        outages: Callable[[], Sequence[Outage]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        strict: bool = False,
    ) -> None:
        """Start with empty lists.

        Args:
            outages: Says when the network was broken, for the tale of how a message was lost. Default: never.
            clock: Monotonic seconds; the clock of the outages.
            strict: Whether a test in which nothing had to cross a fault fails; the option ``--netchaos-strict``.

        Raises:
            TypeError: ``outages`` or ``clock`` can't be called.
        """
        if outages is not None and not callable(outages):
            raise TypeError(f"outages must be a function, such as `lambda: link.history().outages`, not {outages!r}")
        if not callable(clock):
            raise TypeError(f"clock must be a function, such as time.monotonic, not {clock!r}")
        self._outages = outages or tuple
        self._clock = clock
        self._sends: list[Send | Attempt] = []
        self._deliveries: list[Delivery] = []
        self._expected: dict[str, None] = {}
        self._connects: list[Connect] = []
        self._notes: list[Note] = []
        self._strict = strict

    def __repr__(self) -> str:
        """Count both lists."""
        return f"<ledger: {len(self._sends)} sent, {len(self._deliveries)} delivered>"

    def sent(self, id_: Hashable, /, *, outcome: SendOutcome = "ok", sender: str = "", at: float | None = None) -> None:
        """Write down that a message was sent. Call it before the send, or use `sending`.

        Where the outcome is known only afterwards, give the time before the send as ``at``: what is delivered before it
        was sent can't be judged.

        An id that is sent again is a second message with the same id: two acknowledged sends call for two
        deliveries, and allow two. So don't write down what a client resends on its own account.

        Args:
            id_: What tells this message from the others: a number, a string, a tuple; not ``None``.
            outcome: ``"ok"`` (acknowledged or accepted; the default), ``"fail"`` (definitely not accepted) or
                ``"info"`` (the acknowledgement was lost: it may have been accepted or not).
            sender: Whose order it belongs to, where several send.
            at: When, in monotonic seconds. Default: now.

        Raises:
            TypeError: ``id_`` is ``None`` or can't be hashed, ``sender`` isn't a string, or ``at`` no number.
            ValueError: ``outcome`` isn't one of the three, or ``at`` isn't finite.
        """
        check_id(id_)
        check_name("sender", sender)
        check_outcome(outcome)
        self._sends.append(Send(id_, self._clock() if at is None else check_time(at), outcome, sender))

    @contextmanager
    def sending(self, id_: Hashable, /, *, sender: str = "", at: float | None = None) -> Iterator[Attempt]:
        """Write a send down that takes the body of the ``with`` statement, from the time at which it begins.

        It is ``"ok"`` once the body has ended well, and ``"info"`` until then or if it raises: a request that
        failed half-way may have been accepted. The exception goes on its way. Where the body knows that the message
        was refused, it says so: ``with ledger.sending(n) as attempt: ... attempt.outcome = "fail"``. Where it has
        waited in vain for the acknowledgement, and doesn't raise: ``attempt.give_up()``.

        Args:
            id_: As for `sent`.
            sender: As for `sent`.
            at: When it began, in monotonic seconds. Default: now.

        Raises:
            TypeError: ``id_`` is ``None`` or can't be hashed, ``sender`` isn't a string, or ``at`` no number.
            ValueError: ``at`` isn't finite.
        """
        attempt = self.attempted(id_, sender=sender, at=at)
        try:
            yield attempt
        except BaseException:
            attempt.give_up()
            raise
        if not attempt.is_settled:
            attempt.outcome = "ok"

    def attempted(self, id_: Hashable, /, *, sender: str = "", at: float | None = None) -> Attempt:
        """Write a send down whose outcome comes later: in a callback, say. Arguments and errors are those of `sending`.

        It is ``"info"`` until you set the ``outcome`` of what is returned. Until then, or until you call its
        ``give_up()``, its sender waits for the acknowledgement: it crosses a fault that begins meanwhile.
        """
        check_id(id_)
        check_name("sender", sender)
        attempt = Attempt(id_, self._clock() if at is None else check_time(at), sender, self._clock)
        self._sends.append(attempt)
        return attempt

    def delivered(self, id_: Hashable, /, *, subscriber: str = "", at: float | None = None) -> None:
        """Write down that a message has arrived.

        Args:
            id_: The id that it was sent with.
            subscriber: Who got it, where several should.
            at: When, in monotonic seconds. Default: now.

        Raises:
            TypeError: ``id_`` is ``None`` or can't be hashed, ``subscriber`` isn't a string, or ``at`` no number.
            ValueError: ``at`` isn't finite.
        """
        check_id(id_)
        check_name("subscriber", subscriber)
        self._deliveries.append(Delivery(id_, self._clock() if at is None else check_time(at), subscriber))

    def connected(self, *, subscriber: str = "", session: Hashable | None = None, at: float | None = None) -> None:
        """Write down that a subscriber has connected, for the first time or again: see the matcher `resumed`.

        Args:
            subscriber: Who.
            session: What stays the same as long as its session goes on, and is another one for a new session.
            at: When, in monotonic seconds. Default: now.

        Raises:
            TypeError: ``session`` can't be hashed, ``subscriber`` isn't a string, or ``at`` no number.
            ValueError: ``at`` isn't finite.
        """
        check_session(session)
        check_name("subscriber", subscriber)
        self._connects.append(Connect(self._clock() if at is None else check_time(at), subscriber, session))

    def note(self, text: str, *, at: float | None = None) -> None:
        """Write a line of your own into the timeline: a reconnect that the client reports, say.

        Args:
            text: One line.
            at: When, in monotonic seconds. Default: now.

        Raises:
            TypeError: ``text`` isn't a string, or ``at`` no number.
            ValueError: ``at`` isn't finite.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, not {text!r}")
        self._notes.append(Note(self._clock() if at is None else check_time(at), text))

    @property
    def notes(self) -> tuple[Note, ...]:
        """The lines that `note` has written, in the order in which that was called."""
        return tuple(self._notes)

    def expect(self, *subscribers: str) -> None:
        """Declare who should get every message, so that one who gets nothing at all has lost everything.

        Those who did get something are always expected to get the rest: there's no need to declare them.

        Raises:
            TypeError: A subscriber isn't a string, or none was named.
        """
        if not subscribers or not all(isinstance(name, str) for name in subscribers):
            raise TypeError(f"expect() takes the names of subscribers, such as expect('ann', 'bob'), not {subscribers}")
        self._expected.update(dict.fromkeys(subscribers))

    def counts(self) -> LedgerCounts:
        """Count what was written down, at no cost: for who wants to know whether there is more than before."""
        return LedgerCounts(len(self._sends), len(self._deliveries), len(self._connects))

    def record(self, outages: Sequence[Outage] | None = None) -> DeliveryRecord:
        """Take an immutable snapshot.

        Both lists are in order of time, and at equal times in the order in which they were written.

        Args:
            outages: When the network was broken, for when its engine is dead and can't be asked. Default: ask it.
        """
        # Deliveries first: whatever arrived was written down as sent before, so its send can't be missing.
        deliveries = tuple(self._deliveries)
        sent = tuple(self._sends)
        seen = dict.fromkeys(delivery.subscriber for delivery in deliveries)
        known_outages = tuple(self._outages() if outages is None else outages)
        now = self._clock()
        sends = [entry.as_send(now) if isinstance(entry, Attempt) else entry for entry in sent]
        return DeliveryRecord(
            sends=tuple(sorted(sends, key=_by_time)),
            deliveries=tuple(sorted(deliveries, key=_by_time)),
            subscribers=tuple(self._expected | seen) or ("",),
            outages=known_outages,
            now=now,
            connects=tuple(sorted(self._connects, key=_by_time)),
            strict=self._strict,
        )
