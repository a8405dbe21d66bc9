"""The reconnect policies of clients, as they are in their sources: each returns a `backoff`. No client is imported.

Parameters have the names, the defaults and (but for Socket.IO's milliseconds) the units that the client gives them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from .jitter import additive, backo2, decorrelated, equal, full
from .matchers.backoff import backoff
from .matchers.gaps import LATE

RedisBackoff: TypeAlias = Literal["exponential", "full", "equal", "decorrelated", "exponential_with_jitter"]


def python_socketio(
    reconnection_delay: float = 1,
    reconnection_delay_max: float = 5,
    randomization_factor: float = 0.5,
    *,
    late: float = LATE,
) -> backoff:
    """Return what `socketio.Client` and `AsyncClient` do after they have lost their connection.

    Wait n is min(delay × 2ⁿ, max) + factor × U(−1, 1) *seconds*: ``randomization_factor`` isn't a share, and a wait
    can exceed ``reconnection_delay_max``. What is drawn below 0 is 0. Source: ``_handle_reconnect`` in
    ``socketio/client.py`` and ``async_client.py``, python-socketio 5.18.1. Use ``transports=["websocket"]`` in the
    client: polling dials several times for one connection.
    """
    # A delay above the maximum is cut to it at once, as theirs is.
    first = min(reconnection_delay, reconnection_delay_max)
    return backoff(first, 2.0, reconnection_delay_max, additive(randomization_factor), late=late)


def socketio_js(
    reconnection_delay: float = 1.0,
    reconnection_delay_max: float = 5.0,
    randomization_factor: float = 0.5,
    *,
    late: float = LATE,
) -> backoff:
    """Return what Socket.IO's JavaScript client does after it has lost its connection; delays are in seconds.

    Wait n is min(delay × 2ⁿ × (1 ± up to ``randomization_factor``), max). Source: ``build/cjs/contrib/backo2.js`` and
    ``manager.js`` of socket.io-client 4.8.4. Use ``transports: ["websocket"]`` in the client: polling dials several
    times for one connection.
    """
    return backoff(reconnection_delay, 2.0, reconnection_delay_max, backo2(randomization_factor), late=late)


def websockets_default(
    initial_delay: float = 5.0,
    min_delay: float = 3.1,
    max_delay: float = 90.0,
    factor: float = 1.618,
    *,
    late: float = LATE,
) -> backoff:
    """Return what ``async for ws in websockets.connect(…)`` does without ``reconnect_delays``.

    Compare it with all of ``link.dials``. A connection that is lost in the body of the loop is dialled again at once.
    If that fails, the waits are U(0, ``initial_delay``), then min(``min_delay`` × ``factor``ⁿ, ``max_delay``) without
    jitter. Source: ``backoff`` in
    ``websockets/client.py`` and ``__aiter__`` in ``websockets/asyncio/client.py``, websockets 17.4, which takes its
    defaults from ``WEBSOCKETS_BACKOFF_…`` in the environment. Its documentation says "capped at 60s"; the source says
    90.

    For delays of one's own (``reconnect_delays=``) write `backoff` with ``at_once=True``.
    """
    first = min(min_delay, max_delay)
    return backoff(first, factor, max_delay, initial=(0.0, initial_delay), at_once=True, late=late)


def redis_py(
    base: float = 0.01,
    cap: float = 1.0,
    kind: RedisBackoff = "exponential_with_jitter",
    *,
    late: float = LATE,
) -> backoff:
    """Return what redis-py does between the attempts of one command, or of one ``connect()``.

    The defaults are those of `redis.Redis` 8.1.0 (``redis/_defaults.py``), which makes 10 retries. The time between a
    lost connection and the next command is the caller's, so leave that wait out: ``link.dials[2:]``. Retries nest:
    when those of ``connect()`` are used up, those of the command begin at the first wait again, so judge 10 waits at
    most.

    Args:
        base: Seconds; the first retry waits up to twice as long, as `Retry` counts failures from 1.
        cap: Seconds.
        kind: The class in ``redis/backoff.py``, without "Backoff": ``"exponential"``: min(cap, base·2ⁿ); ``"full"``:
        U(0, min(cap, base·2ⁿ));
            ``"equal"``: half of that + U(0, half); ``"decorrelated"``: base, then min(cap, U(base, 3·previous));
            ``"exponential_with_jitter"``: min(cap, U(0, 1)·base·2ⁿ).
        late: Seconds that a wait may be longer.

    Raises:
        ValueError: There is no such kind.
    """
    first = min(2 * base, cap)
    if kind == "exponential":
        return backoff(first, 2.0, cap, late=late)
    if kind == "full":
        return backoff(first, 2.0, cap, full(), late=late)
    if kind == "equal":
        return backoff(first, 2.0, cap, equal(), late=late)
    if kind == "exponential_with_jitter":
        return backoff(2 * base, 2.0, cap, full(cap_after=True), late=late)
    if kind == "decorrelated":
        return backoff(base, cap=cap, jitter=decorrelated(), initial=min(base, cap), late=late)
    kinds = ", ".join(map(repr, get_args(RedisBackoff)))
    raise ValueError(f"kind must be one of {kinds}, not {kind!r}")
