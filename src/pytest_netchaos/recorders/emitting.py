"""What `emit` and `call` of Socket.IO come to: the same for clients and servers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..ledger import Attempt
from .arguments import Arguments
from .recording import Recording
from .wrapping import Finish

#: The recorders that already write down the `call` in which the code runs: it emits in its turn.
_in_call: ContextVar[tuple[Emitting, ...]] = ContextVar("in_call", default=())


class Emitting:
    """Writes down what is emitted.

    ====================================  ======================================================================
    ``emit``, ``send``                    ok when it has returned: python-socketio has taken it
    the same with a callback              ok when the callback is called; info until then
    ``call``                              ok when it has returned; info if it raises, though an answer come later
    ``BadNamespaceError``                 fail: raised before anything was sent
    ====================================  ======================================================================
    """

    def __init__(self, recording: Recording, events: frozenset[str] | None, namespace: str) -> None:
        """Write into a recording.

        Args:
            recording: Where to write.
            events: Which events; ``None`` for all.
            namespace: The only one that is recorded.

        Raises:
            TypeError: ``namespace`` isn't a string.
            ValueError: It's none that Socket.IO can have.
        """
        from socketio.exceptions import BadNamespaceError  # noqa: PLC0415 - only where socketio is used

        _check_namespace(namespace)
        self._recording = recording
        self._events = events
        self._namespace = namespace
        self._refusals: tuple[type[BaseException], ...] = (BadNamespaceError,)

    def watch(self, owner: object, *, is_async: bool) -> None:
        """Watch a client or a server."""
        self._recording.watch(owner, "emit", self._before_emit, is_async=is_async)
        self._recording.watch(owner, "call", self._before_call, is_async=is_async)

    def chosen(self, event: object, namespace: str | None) -> bool:
        """Whether an event is one of those to be recorded."""
        return (namespace or "/") == self._namespace and (self._events is None or event in self._events)

    def _before_emit(self, arguments: Arguments) -> Finish | None:
        if self in _in_call.get():
            return None
        attempt = self._attempt(arguments)
        if attempt is None:
            return None
        callback = arguments.get("callback")
        if callback is None:
            return functools.partial(self._finish, attempt)
        arguments.put("callback", _acknowledging(attempt, callback))
        return functools.partial(self._finish_unanswered, attempt)

    def _before_call(self, arguments: Arguments) -> Finish | None:
        if self in _in_call.get():
            return None
        attempt = self._attempt(arguments)
        _in_call.set((*_in_call.get(), self))

        def finish(result: object, error: BaseException | None) -> None:
            # Not with a token: a coroutine that nobody awaits any more is closed in a context of another.
            _in_call.set(tuple(other for other in _in_call.get() if other is not self))
            if attempt is not None:
                self._finish(attempt, result, error)

        return finish

    def _attempt(self, arguments: Arguments) -> Attempt | None:
        event = arguments.get("event")
        if not isinstance(event, str) or not self.chosen(event, arguments.get("namespace")):
            return None
        data = arguments.get("data")
        return self._recording.attempt(f"emit of {event!r}", payload_of(data if isinstance(data, tuple) else (data,)))

    def _finish(self, attempt: Attempt, _: object, error: BaseException | None) -> None:
        if error is None:
            attempt.outcome = "ok"
        else:
            self._finish_unanswered(attempt, None, error)

    def _finish_unanswered(self, attempt: Attempt, _: object, error: BaseException | None) -> None:
        if isinstance(error, self._refusals):
            attempt.outcome = "fail"
        elif error is not None:
            attempt.give_up()


def _check_namespace(namespace: object) -> None:
    if not isinstance(namespace, str):
        raise TypeError(f"namespace must be a string, such as '/chat', not {namespace!r}")
    if not namespace.startswith("/"):
        raise ValueError(f"namespace must begin with a slash, such as '/chat', not {namespace!r}")


def payload_of(arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 - whatever was sent
    """Return the payload of an event: its argument, or a tuple of them where there are several, ``None`` without."""
    if len(arguments) > 1:
        return arguments
    return arguments[0] if arguments else None


def _acknowledging(attempt: Attempt, callback: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a callback; one that python-socketio would await stays one."""
    if inspect.iscoroutinefunction(callback):

        @functools.wraps(callback)
        async def answered_async(*args: Any) -> Any:  # noqa: ANN401 - the callback's
            attempt.outcome = "ok"
            return await callback(*args)

        return answered_async

    @functools.wraps(callback)
    def answered(*args: Any) -> Any:  # noqa: ANN401 - the callback's
        attempt.outcome = "ok"
        return callback(*args)

    return answered
