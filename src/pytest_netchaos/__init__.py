"""Break the network on purpose in a pytest test, and prove that the software survives.

Names are imported when they are used: pytest loads this package in every run and in every worker.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import (
        DockerUnavailable,
        EngineDied,
        EngineError,
        LinkClosed,
        NetchaosError,
        PortInUse,
        ServiceError,
        UnsupportedFault,
        UpstreamError,
        WaitTimeout,
    )
    from .faults import (
        Blackhole,
        Close,
        Cut,
        Delay,
        Fault,
        Flap,
        IdleTimeout,
        Limit,
        Refuse,
        Reset,
        Slice,
        Stall,
        Throttle,
    )
    from .fingerprints import Fingerprint, fingerprint
    from .history import ArmedFault, Connection, Dial, Dials, FaultSpan, History, Lag, Outage, Position
    from .injection import Injection
    from .judging.verdict import Verdict
    from .ledger import Attempt, Ledger
    from .link import Link
    from .matchers import (
        at_least_once,
        at_most_once,
        attempts,
        backoff,
        buffered,
        check,
        check_async,
        dead_peer_detected,
        deduplicated,
        dial_rate,
        exactly_once,
        gap_free,
        gave_up,
        lost_only_during,
        no_thundering_herd,
        reconnected,
        resumed,
        stayed_away,
        waits,
    )
    from .network import Network
    from .opening import open_network
    from .patience import eventually, eventually_async
    from .plan import Plan, Step
    from .plans.plan_run import PlanRun
    from .plans.schedules import poisson, swizzle
    from .plans.step_run import StepRun
    from .profiles import Profile
    from .recorded import RecordedRun
    from .recorders import (
        IdRule,
        Recording,
        record_calls,
        record_publisher,
        record_pubsub,
        record_socketio,
        record_socketio_server,
        record_stream,
        record_websocket,
    )
    from .report.json_load import load_timeline
    from .services.cluster import RedisCluster
    from .services.redis import RedisServer
    from .services.redis_at import RedisAt
    from .services.redis_container import RedisContainer
    from .services.sentinel import RedisSentinel
    from .services.server import ContainerServer
    from .session.cautions import NetchaosWarning
    from .timeline import Timeline
    from .triggers import AfterBytes, OnConnection, OnDial, Trigger

_HOMES = {
    "session.cautions": ("NetchaosWarning",),
    "errors": (
        "DockerUnavailable", "EngineDied", "EngineError", "LinkClosed", "NetchaosError", "PortInUse", "ServiceError",
        "UnsupportedFault", "UpstreamError", "WaitTimeout",
    ),
    "faults": (
        "Blackhole", "Close", "Cut", "Delay", "Fault", "Flap", "IdleTimeout", "Limit", "Refuse", "Reset",
        "Slice", "Stall", "Throttle",
    ),
    "fingerprints": ("Fingerprint", "fingerprint"),
    "history": ("ArmedFault", "Connection", "Dial", "Dials", "FaultSpan", "History", "Lag", "Outage", "Position"),
    "injection": ("Injection",),
    "ledger": ("Attempt", "Ledger"),
    "link": ("Link",),
    "matchers": (
        "at_least_once", "at_most_once", "attempts", "backoff", "buffered", "check", "check_async",
        "dead_peer_detected", "deduplicated", "dial_rate", "exactly_once", "gap_free", "gave_up", "lost_only_during",
        "no_thundering_herd", "reconnected", "resumed", "stayed_away", "waits",
    ),
    "network": ("Network",),
    "opening": ("open_network",),
    "patience": ("eventually", "eventually_async"),
    "recorded": ("RecordedRun",),
    "plan": ("Plan", "Step"),
    "plans.plan_run": ("PlanRun",),
    "profiles": ("Profile",),
    "recorders": (
        "IdRule", "Recording", "record_calls", "record_publisher", "record_pubsub", "record_socketio",
        "record_socketio_server", "record_stream", "record_websocket",
    ),
    "report.json_load": ("load_timeline",),
    "services.cluster": ("RedisCluster",),
    "services.redis": ("RedisServer",),
    "services.redis_at": ("RedisAt",),
    "services.redis_container": ("RedisContainer",),
    "services.sentinel": ("RedisSentinel",),
    "services.server": ("ContainerServer",),
    "timeline": ("Timeline",),
    "plans.schedules": ("poisson", "swizzle"),
    "plans.step_run": ("StepRun",),
    "triggers": ("AfterBytes", "OnConnection", "OnDial", "Trigger"),
    "judging.verdict": ("Verdict",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
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
]  # fmt: skip


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import a public name on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
