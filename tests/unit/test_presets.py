"""Each preset against the arithmetic of its own client."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading

import pytest
from tests.dialled import dialled

from pytest_netchaos.presets import python_socketio, redis_py, socketio_js, websockets_default

RUNS, WAITS = 12, 6
STRICT = 1e-6  # seconds: what the dials' times are rounded by


@pytest.fixture(autouse=True)
def _same_draws():
    state = random.getstate()
    random.seed(7)
    yield
    random.setstate(state)


def socketio_waits(*args):
    """What the real client waits for, from its own loop: nobody answers, and no time passes."""
    socketio = pytest.importorskip("socketio")
    seen = []

    class Client(socketio.Client):
        def connect(self, *_, **__):
            raise socketio.exceptions.ConnectionError

    class Abort(threading.Event):
        def wait(self, timeout=None):
            seen.append(max(0.0, timeout))
            return len(seen) == WAITS

    names = ("reconnection_delay", "reconnection_delay_max", "randomization_factor")
    client = Client(handle_sigint=False, **dict(zip(names, args, strict=False)))
    client._reconnect_abort = Abort()
    client.connection_namespaces = []
    for name in ("url", "headers", "auth", "transports"):
        setattr(client, f"connection_{name}", None)
    client.socketio_path = None
    client._handle_reconnect()
    return seen


@pytest.mark.parametrize("args", [(), (0.1, 0.5, 0.05), (0.1, 1, 0.5), (2, 1, 0), (1, 8, 0.9)])
def test_python_socketio(args):
    seen = dialled(*(socketio_waits(*args) for _ in range(RUNS)))
    assert seen == python_socketio(*args, late=STRICT)


def test_python_socketio_jitters_by_seconds_and_above_the_maximum():
    assert dialled([0.11, 0.19, 0.44]) == python_socketio(0.1, 0.4, 0.05, late=STRICT)
    assert dialled([0.16]) != python_socketio(0.1, 0.4, 0.05, late=STRICT)
    assert dialled([0.1, 0.2, 0.46]) != python_socketio(0.1, 0.4, 0.05, late=STRICT)


def test_the_defaults_of_python_socketio():
    client = pytest.importorskip("socketio").Client(handle_sigint=False)
    preset = python_socketio()
    assert (preset.first, preset.cap) == (client.reconnection_delay, client.reconnection_delay_max)
    assert preset.jitter.seconds == client.randomization_factor


@pytest.mark.parametrize("args", [(), (0.5, 0.31, 9.0, 1.618), (1.0, 2.0, 1.0, 3.0), (0.2, 0.1, 0.5, 2.0)])
def test_websockets(args):
    delays = pytest.importorskip("websockets.client").backoff
    runs = ([0.0, *itertools.islice(delays(*args), WAITS + 5)] for _ in range(RUNS))
    assert dialled(*runs) == websockets_default(*args, late=STRICT)


def test_the_defaults_of_websockets():
    client = pytest.importorskip("websockets.client")
    preset = websockets_default()
    assert preset.initial == (0.0, client.BACKOFF_INITIAL_DELAY)
    assert (preset.first, preset.factor, preset.cap) == (
        client.BACKOFF_MIN_DELAY,
        client.BACKOFF_FACTOR,
        client.BACKOFF_MAX_DELAY,
    )


def test_websockets_dials_at_once_only_after_a_connection():
    waits = [0.0, 4.9, 3.1, 3.1 * 1.618]
    assert dialled(waits) == websockets_default(late=STRICT)
    assert dialled(waits)[2:] == websockets_default(late=STRICT)
    assert dialled(waits[1:]) != websockets_default(late=STRICT)


REDIS = {
    "exponential": "ExponentialBackoff",
    "full": "FullJitterBackoff",
    "equal": "EqualJitterBackoff",
    "decorrelated": "DecorrelatedJitterBackoff",
    "exponential_with_jitter": "ExponentialWithJitterBackoff",
}


@pytest.mark.parametrize("kind", REDIS)
@pytest.mark.parametrize(("base", "cap"), [(0.01, 1.0), (0.2, 3.0), (0.5, 0.6), (1.0, 0.5)])
def test_redis(kind, base, cap):
    made = getattr(pytest.importorskip("redis.backoff"), REDIS[kind])(cap=cap, base=base)

    def run():
        made.reset()
        return [made.compute(failures) for failures in range(1, 10)]

    assert dialled(*(run() for _ in range(RUNS))) == redis_py(base, cap, kind, late=STRICT)


def test_each_kind_of_redis_is_told_from_the_others_over_many_waits():
    backoffs = pytest.importorskip("redis.backoff")
    differ_by_what_the_cap_does = {"full", "exponential_with_jitter"}
    for kind, name in REDIS.items():
        made = getattr(backoffs, name)(cap=60.0, base=0.2)
        runs = [[made.compute(failures) for failures in range(1, 8)] for _ in range(RUNS) if made.reset() is None]
        fitting = {other for other in REDIS if dialled(*runs) == redis_py(0.2, 60.0, other, late=STRICT)}
        assert fitting == (differ_by_what_the_cap_does if kind in differ_by_what_the_cap_does else {kind})


def test_the_defaults_of_redis():
    redis = pytest.importorskip("redis")
    default = redis.Redis().get_retry()._backoff
    assert type(default).__name__ == "ExponentialWithJitterBackoff"
    assert (default._base, default._cap) == (0.01, 1)


def test_an_unknown_kind_of_redis_is_refused_by_name():
    with pytest.raises(ValueError, match=r"kind must be one of 'exponential', 'full', .*, not 'none'"):
        redis_py(kind="none")


def backo2_waits(first, most, jitter, count):
    """The arithmetic of contrib/backo2.js, in milliseconds as there."""
    for attempt in range(count):
        wait = first * 1000 * 2**attempt
        if jitter:
            drawn = random.random()
            deviation = int(drawn * jitter * wait)
            wait = wait - deviation if int(drawn * 10) & 1 == 0 else wait + deviation
        yield int(min(wait, most * 1000)) / 1000


@pytest.mark.parametrize("args", [(1.0, 5.0, 0.5), (0.1, 2.0, 1.0), (0.1, 0.5, 0.0), (2.0, 1.0, 0.5)])
def test_socketio_js(args):
    seen = dialled(*(backo2_waits(*args, WAITS) for _ in range(RUNS)))
    assert seen == socketio_js(*args, late=STRICT)


def test_socketio_js_never_exceeds_the_maximum():
    assert dialled([1, 2, 4, 5, 5]) == socketio_js(late=STRICT)
    assert dialled([1, 2, 4, 5.2]) != socketio_js(late=STRICT)
    assert dialled([0.5]) != socketio_js(late=STRICT)


def test_a_preset_is_no_other_clients():
    seen = dialled(*(backo2_waits(1.0, 5.0, 0.5, 8) for _ in range(RUNS)))
    assert seen != python_socketio(late=STRICT)
    assert seen != websockets_default(late=STRICT)


def test_presets_import_no_client():
    clients = {"redis", "socketio", "websockets", "asyncio"}
    program = f"import sys, pytest_netchaos.presets; print(sorted({clients} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
