"""A recorder at work: it writes into the ledger, says what it couldn't, and can be stopped."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from contextlib import ExitStack
from types import CoroutineType, TracebackType
from typing import Any, Self

from ..ledger import Attempt, Ledger
from ..spelling import spelled
from .arguments import Arguments
from .identity import IdRule, id_reader
from .wrapping import Before, Finish, WatchedMethod, watchers


class Recording:
    """A recorder at work, until `stop` or the end of a ``with`` statement. Every ``record_…`` function returns one.

    What it records is written down from whichever thread or task the client runs in. A payload without an id changes
    nothing for the client: the message isn't recorded, the ledger has a note that says which and why, once for each
    kind, and `unrecorded` counts them.
    """

    def __init__(self, ledger: Ledger, kind: str, name: str, id_: IdRule, chosen: object = None) -> None:
        """Start with nothing to record.

        Args:
            ledger: Where to write.
            kind: What is recorded: "socketio", "publisher".
            name: Sender and subscriber in the ledger.
            id_: How to get the id from a payload.
            chosen: What part of it is recorded: two recorders of the same part would write everything down twice.

        Raises:
            TypeError: ``ledger``, ``name`` or ``id_`` isn't what it has to be.
        """
        if not isinstance(ledger, Ledger):
            raise TypeError(f"ledger must be a Ledger, such as the fixture `ledger`, not {ledger!r}")
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {name!r}")
        self.ledger = ledger
        self.name = name
        self._who = f"{kind} {name}".strip()
        # Of two functions nobody can tell whether they read the same.
        self._part = ledger, self._who, chosen, "function" if callable(id_) else repr(id_)
        self._read = id_reader(id_)
        self._undo = ExitStack()
        self._unrecorded: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Say what is recorded, and what couldn't be."""
        missed = sum(self._unrecorded.values())
        return f"<recorder of {self._who}{f', {missed} messages not recorded' if missed else ''}>"

    def __enter__(self) -> Self:
        """Go on recording."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """Record no more, and take every wrapper off again. Stopping twice does nothing."""
        with self._lock:
            undo = self._undo.pop_all()
        undo.close()

    @property
    def unrecorded(self) -> Mapping[str, int]:
        """How many messages had no id to be recorded by, for each kind."""
        return dict(self._unrecorded)

    def watch(self, owner: object, method: str, before: Before, *, is_async: bool) -> None:
        """Call ``before`` before each call of a method, until `stop`.

        Raises:
            ValueError: Another recorder does the same already.
        """
        if self._part in watchers(owner, method):
            raise ValueError(
                f"this {type(owner).__name__} is recorded already, as {self._who!r} and into the same ledger: each "
                "message would be written down twice. Record it once, where it is made; or stop() the first recorder"
            )
        guarded = self.guarded(before, method)
        self.on_stop(WatchedMethod(owner, method, guarded, is_async=is_async, who=self._part).remove)

    def guarded(self, before: Before, method: str) -> Before:
        """Keep from the client what a recorder raises: a message that isn't recorded is counted, and noted."""

        def guarded_before(arguments: Arguments) -> Finish | None:
            try:
                finish = before(arguments)
            except Exception as error:  # noqa: BLE001 - the client's objects may do anything when looked at
                self._failed(method, error)
                return None
            return None if finish is None else functools.partial(guarded_finish, finish)

        def guarded_finish(finish: Finish, result: object, error: BaseException | None) -> None:
            try:
                finish(result, error)
            except Exception as failure:  # noqa: BLE001 - as above
                self._failed(method, failure)

        return guarded_before

    def on_stop(self, undo: Callable[[], object]) -> None:
        """Have something undone by `stop`."""
        self._undo.callback(undo)

    def note(self, text: str) -> None:
        """Write a line into the timeline."""
        self.ledger.note(f"{self._who} {text}")

    def attempt(self, what: str, payload: Any) -> Attempt | None:  # noqa: ANN401 - whatever the test sends
        """Write down that a message is being sent; ``None`` if it has no id.

        Args:
            what: The kind of message, for a note: "emit of 'tick'".
            payload: What has the id in it.
        """
        try:
            return self.ledger.attempted(self._id(payload), sender=self.name)
        except Exception as error:  # noqa: BLE001 - from the test's own function or payload: the client mustn't see it
            self._without_id(what, payload, error)
            return None

    def delivered(self, what: str, payload: Any) -> None:  # noqa: ANN401 - whatever the test sends
        """Write down that a message has arrived, if it has an id. The arguments are those of `attempt`."""
        try:
            self.ledger.delivered(self._id(payload), subscriber=self.name)
        except Exception as error:  # noqa: BLE001 - as in `attempt`
            self._without_id(what, payload, error)

    def missed(self, what: str, why: str) -> None:
        """Count a message that can't be recorded, and say so if it is the first of its kind.

        Args:
            what: The kind of message, with what was wrong in short.
            why: The rest of a sentence for the note.
        """
        with self._lock:
            self._unrecorded[what] += 1
            is_first = self._unrecorded[what] == 1
        if is_first:
            self.note(f"could not record {what}: {why}. Others like it are only counted.")

    def _failed(self, method: str, error: Exception) -> None:
        self.missed(f"a call of {method} ({type(error).__name__})", f"the recorder failed: {spelled(error, str)}")

    def _id(self, payload: Any) -> Hashable:  # noqa: ANN401 - whatever the test sends
        id_ = self._read(payload)
        if isinstance(id_, CoroutineType):
            id_.close()  # or Python warns that it was never awaited
            raise TypeError("the function for the id is asynchronous")
        hash(id_)  # Python's own words for what can't be hashed are shorter than the ledger's.
        return id_

    def _without_id(self, what: str, payload: object, error: Exception) -> None:
        kind = type(payload).__name__
        self.missed(
            f"{what} ({kind}, {type(error).__name__})",
            f"no id in its {kind}: {spelled(error, str)}. Say where it is with id=…",
        )


def check_chosen(argument: str, chosen: Collection[str] | None) -> frozenset[str] | None:
    """Check an argument that names events, channels or streams; ``None`` stands for all of them.

    Raises:
        TypeError: It isn't a collection of strings.
    """
    if chosen is None:
        return None
    names = tuple(chosen) if isinstance(chosen, Iterable) and not isinstance(chosen, (str, bytes)) else (chosen,)
    if isinstance(chosen, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{argument} must be names, such as {argument}=['a', 'b'], not {chosen!r}")
    return frozenset(names)
