"""What a test may say about its client: ``assert link == reconnected(within=1.0)``.

A matcher is compared with ``==``, from either side. `check` does the same in plain code, and `check_async` where
it has to wait in a coroutine.
"""

from __future__ import annotations

from .attempts import attempts
from .backoff import backoff
from .base import Live, Matcher, assertrepr, check, check_async
from .buffers import buffered
from .dedupe import deduplicated
from .delivery import at_least_once, at_most_once, exactly_once, gap_free
from .lost_during import lost_only_during
from .reconnect import reconnected
from .resume import resumed

__all__ = [
    "Live",
    "Matcher",
    "assertrepr",
    "at_least_once",
    "at_most_once",
    "attempts",
    "backoff",
    "buffered",
    "check",
    "check_async",
    "deduplicated",
    "exactly_once",
    "gap_free",
    "lost_only_during",
    "reconnected",
    "resumed",
]
