"""What a test may say about its client: ``assert link == reconnected(within=1.0)``.

A matcher is compared with ``==``, from either side. `check` does the same in plain code, and `check_async` where
it has to wait in a coroutine.
"""

from __future__ import annotations

from .attempts import attempts
from .backoff import backoff
from .base import Live, Matcher, assertrepr, check, check_async
from .buffers import buffered
from .dead_peer import dead_peer_detected
from .dedupe import deduplicated
from .delivery import at_least_once, at_most_once, exactly_once, gap_free
from .giving_up import gave_up
from .herd import no_thundering_herd
from .lost_during import lost_only_during
from .rate import dial_rate
from .reconnect import reconnected
from .resume import resumed
from .staying_away import stayed_away
from .waits import waits

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
    "dead_peer_detected",
    "deduplicated",
    "dial_rate",
    "exactly_once",
    "gap_free",
    "gave_up",
    "lost_only_during",
    "no_thundering_herd",
    "reconnected",
    "resumed",
    "stayed_away",
    "waits",
]
