"""What a test may say about its client: ``assert link == reconnected(within=1.0)``.

A matcher is compared with ``==``, from either side. `check` does the same in plain code, and `check_async` where
it has to wait in a coroutine.
"""

from __future__ import annotations

from .backoff import backoff
from .base import Live, Matcher, assertrepr, check, check_async
from .delivery import at_least_once, at_most_once, exactly_once
from .reconnect import reconnected

__all__ = [
    "Live",
    "Matcher",
    "assertrepr",
    "at_least_once",
    "at_most_once",
    "backoff",
    "check",
    "check_async",
    "exactly_once",
    "reconnected",
]
