"""What ``--netchaos-profiles`` prints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..faults import Delay, Fault, Throttle
from ..profiles import Profile, Profiles


def listed(profiles: Profiles) -> Iterator[str]:
    """Yield a line or two for each profile: its name, what it is made of, and who says so."""
    width = max(len(profile.name) for profile in profiles)
    for profile in profiles:
        yield f"{profile.name:<{width}}  {', '.join(_spoken(profile.faults))}"
        yield f"{'':<{width}}  {'; '.join(_remarks(profile, profiles.origin(profile.name)))}"


def _spoken(faults: Iterable[Fault]) -> Iterator[str]:
    for fault in faults:
        if isinstance(fault, Delay) and fault.direction == "both":
            yield f"{_milliseconds(fault.latency)}{f' ± {_milliseconds(fault.jitter)}' * (fault.jitter > 0)} each way"
        elif isinstance(fault, Throttle) and fault.direction != "both":
            yield f"{fault.rate:,.0f} bytes/s {'down' if fault.direction == 'downstream' else 'up'}"
        else:
            yield str(fault)


def _remarks(profile: Profile, origin: str) -> Iterator[str]:
    if profile.source:
        yield profile.source
    if profile.note:
        yield profile.note
    if origin and origin != profile.source:
        yield f"from {origin}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:g} ms"
