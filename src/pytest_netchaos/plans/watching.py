"""Wait for news of faults that were injected, on whichever links."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..injection import Injection

#: Seconds after which a wait for several links at once looks at all of them: news of one may not wake who waits for
#: another's.
LOOK_AGAIN = 0.05


def watch(injections: Iterable[Injection], until: float, cancelled: Callable[[], bool]) -> None:
    """Wait until any of these fires or ends, the monotonic time ``until``, or ``cancelled()``; there has to be one.

    Raises:
        EngineDied: there is no engine any more.
    """
    watched = list(injections)
    before = _states(watched)
    if len({injection.link for injection in watched}) > 1:
        until = min(until, time.monotonic() + LOOK_AGAIN)
    watched[0].watch(lambda: _states(watched) != before, until, cancelled)


def _states(injections: Iterable[Injection]) -> list[tuple[bool, bool]]:
    return [(injection.is_known_to_have_fired, injection.is_known_to_be_over) for injection in injections]
