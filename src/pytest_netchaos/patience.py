"""Wait until something is true, by asking again and again: for all that nobody announces.

A link announces what it sees: ``link.wait_for_connection()`` and its kin wake at once. A ledger announces nothing,
since whoever waits for one would be paid for by every `delivered`; so it's asked like anything else. The pause between
two questions is a tenth of the wait so far, from 1 to 50 ms: an answer is noticed by a tenth too late at most.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, overload

from .errors import hide_own_errors
from .matchers.base import Matcher
from .questions import Ignored, Questions
from .waiting import in_event_loop, limited, sleep

__tracebackhide__ = hide_own_errors

T = TypeVar("T")

#: Seconds, where nobody says how long; the default of ``--netchaos-timeout`` too.
WITHIN = 5.0


@overload
def eventually(
    condition: Callable[[], T], within: float = WITHIN, *, ignoring: Ignored = (), message: str = ""
) -> T: ...
@overload
def eventually(
    condition: Matcher[Any], within: float = WITHIN, *, of: object, ignoring: Ignored = (), message: str = ""
) -> Literal[True]: ...
def eventually(
    condition: Callable[[], Any] | Matcher[Any],
    within: float = WITHIN,
    *,
    of: object = None,
    ignoring: Ignored = (),
    message: str = "",
) -> Any:
    """Wait until a condition holds, and return what it returned.

    ::

        eventually(lambda: len(received) == 3)
        eventually(exactly_once(), of=ledger, within=2)

    It's asked at once, then after pauses that grow from 1 to 50 ms, and once more when the time is up. It holds when
    it returns something true. Not yet: it returns something else, or raises AssertionError.

    Args:
        condition: A function without arguments; or a matcher, which then judges ``of``.
        within: Seconds.
        of: What the matcher judges: a ledger. A link needs no `eventually`: ``assert link == …`` waits by itself.
        ignoring: What else the condition may raise as long as it doesn't hold: ``ConnectionError``, say.
        message: What is waited for, in words, for the error.

    Raises:
        WaitTimeout: It hasn't held in time; says what it returned or raised last, and where it stands.
        TypeError: An argument is of the wrong kind, or the condition is asynchronous: that takes `eventually_async`.
        ValueError: ``within`` is out of range.
        RuntimeError: An event loop runs in this thread, and waiting would stop it: that takes `eventually_async`.
    """
    wait: Questions[Any] = Questions(condition, within, of, ignoring, message)
    if in_event_loop():
        raise RuntimeError(
            "eventually() would stop the event loop of this thread, and every client on it: "
            "use `await eventually_async(…)`"
        )
    while True:
        with wait.asking():
            if value := _refuse_awaitable(wait.ask()):
                return value
            wait.returned(value)
        time.sleep(wait.pause())


@overload
async def eventually_async(
    condition: Callable[[], Awaitable[T]], within: float = WITHIN, *, ignoring: Ignored = (), message: str = ""
) -> T: ...
@overload
async def eventually_async(
    condition: Callable[[], T], within: float = WITHIN, *, ignoring: Ignored = (), message: str = ""
) -> T: ...
@overload
async def eventually_async(
    condition: Matcher[Any], within: float = WITHIN, *, of: object, ignoring: Ignored = (), message: str = ""
) -> Literal[True]: ...
async def eventually_async(
    condition: Callable[[], Any] | Matcher[Any],
    within: float = WITHIN,
    *,
    of: object = None,
    ignoring: Ignored = (),
    message: str = "",
) -> Any:
    """Wait like `eventually`, while the event loop (asyncio or trio) goes on.

    The condition may be asynchronous. One that hasn't answered when the time is up is cancelled.
    """
    wait: Questions[Any] = Questions(condition, within, of, ignoring, message)
    while True:
        with wait.asking():
            value = wait.ask()
            if inspect.isawaitable(value):
                answers = await limited(value, wait.patience())
                if not answers:
                    raise wait.unanswered()
                value = answers[0]
            if value:
                return value
            wait.returned(value)
        await sleep(wait.pause())


def _refuse_awaitable(value: T) -> T:
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()  # or Python warns that it was never awaited
        raise TypeError("the condition is asynchronous: use `await eventually_async(…)`")
    return value
