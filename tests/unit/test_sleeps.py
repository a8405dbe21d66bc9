"""No test and no example waits for something by sleeping: it waits for the thing itself, or asks with `eventually`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: ``asyncio.sleep(0)`` waits for nothing: it lets the other tasks have their turn.
SLEEP = re.compile(r"\bsleep\((?!0\))")

#: How many each file has, and what they are for. A sleep is right where it is what the test is about.
ALLOWED = {
    "examples/ci/test_nightly.py": (1, "a client's wait between two dials"),
    "examples/stories/first_connection/patient.py": (2, "the back-off of the clients under test"),
    "examples/stories/retries_dedupe/idempotent.py": (1, "the code under test looks again at a key that another holds"),
    "examples/stories/reconnect_gap/sdk.py": (1, "the back-off under test"),
    "examples/stories/redis_restart/manager.py": (2, "the back-offs under test"),
    "examples/stories/redis_restart/subscription.py": (2, "how long a connection may be silent"),
    "examples/test_redis_sentinel.py": (1, "the application's pause between two tries"),
    "examples/test_tcp_client.py": (1, "the back-off under test"),
    "tests/conformance/toxics/test_load.py": (1, "a sender that keeps to a rate"),
    "tests/integration/test_dial_matchers.py": (1, "a client's wait between two dials"),
    "tests/integration/test_held_up.py": (1, "a client's wait between two dials"),
    "tests/integration/test_redis_cluster.py": (1, "a task that counts how often its event loop got to it"),
    "tests/integration/test_redis_sentinel.py": (1, "a task that counts how often its event loop got to it"),
    "tests/integration/test_replay.py": (4, "a client's pace, and calls at other times than those that were recorded"),
    "tests/integration/test_settling.py": (1, "a slow handler"),
    "tests/integration/test_timelines.py": (3, "an event loop that stands still, and runs before and after"),
    "tests/integration/test_topology_leaks.py": (1, "kills a start at different moments"),
    "tests/unit/engines/test_relay_process.py": (2, "programs that stay until they are killed"),
    "tests/unit/engines/test_rhythm.py": (3, "slow handlers, and cancelling at different moments"),
    "tests/unit/relay/test_watch.py": (1, "a reader that doesn't get the processor"),
    "tests/unit/services/test_topology.py": (1, "a slow call"),
    "tests/unit/lags/test_lag.py": (9, "event loops that stand still, and are looked at for some periods"),
    "tests/unit/lags/test_watched_loops.py": (10, "event loops that stand still, and run before and after"),
}


def sleeps():
    sources = (path for folder in ("tests", "examples") for path in (ROOT / folder).rglob("*.py"))
    counts = {
        path.relative_to(ROOT).as_posix(): len(SLEEP.findall(path.read_text(encoding="utf-8")))
        for path in sources
        if path != Path(__file__)
    }
    return {name: count for name, count in counts.items() if count}


def test_no_sleep_is_there_that_nobody_has_a_reason_for():
    allowed = {name: count for name, (count, _) in ALLOWED.items()}
    assert sleeps() == allowed, "wait for what is to happen (link.wait_for_…, an event), or use eventually()"


def test_a_sleep_is_found_whatever_its_event_loop():
    found = "time.sleep(1)\nawait trio.sleep(0.1)\nsleep(x)\nawait asyncio.sleep(0)\nasleep(1)\nsleep"
    assert len(SLEEP.findall(found)) == 3
