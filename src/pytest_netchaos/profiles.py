"""Networks that people have to live with, as faults: sourced ones, and our own. No I/O.

The sources give bits per second and round trips; `Profile` has bytes per second and the delay of one direction, half
of the round trip. 1 k is 1000.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .faults import Blackhole, Cut, Delay, Fault, Flap, IdleTimeout, Stall, Throttle
from .loss import Loss

#: A comma parts names on the command line, and a name is part of a test's id.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of network, by name.

    Args:
        name: Letters, digits, dots, hyphens and underscores.
        faults: All of them are in force on a link at the same time.
        source: Where the figures are from.
        note: What else there is to know.
        own: Whether the figures are this project's choice, and nobody's measurement.

    Raises:
        TypeError: A value is of another kind.
        ValueError: The name can't be one, there is no fault, or one is over as soon as it has happened.
    """

    name: str
    faults: tuple[Fault, ...]
    source: str = ""
    note: str = ""
    own: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"a profile's name is of letters, digits and . _ -, and not {self.name!r}")
        if not isinstance(self.faults, tuple) or not all(isinstance(fault, Fault) for fault in self.faults):
            raise TypeError(f"the faults of profile {self.name!r} must be a tuple of faults, not {self.faults!r}")
        if not self.faults:
            raise ValueError(f"profile {self.name!r} has no fault")
        for fault in self.faults:
            if fault.instant:
                raise ValueError(
                    f"{fault} in profile {self.name!r} is over as soon as it has happened: put it in a Flap"
                )


def line(
    round_trip: float = 0.0, down: float | None = None, up: float | None = None, jitter: float = 0.0
) -> tuple[Fault, ...]:
    """Return the faults of a line that is slow and far, and loses nothing.

    Args:
        round_trip: Seconds there and back; half of it is the delay of each direction.
        down: Bytes per second from the server; ``None``: as many as there are.
        up: The same, to the server.
        jitter: Seconds by which each direction's delay varies, up and down.
    """
    faults: list[Fault] = [Delay(round_trip / 2, jitter)] if round_trip else []
    if down is not None:
        faults.append(Throttle(down, direction="downstream"))
    if up is not None:
        faults.append(Throttle(up, direction="upstream"))
    return tuple(faults)


def lossy(round_trip: float, loss: Loss, jitter: float = 0.0) -> tuple[Fault, ...]:
    """Return the faults of a line that loses packets: see `loss`."""
    return (Delay(round_trip / 2, jitter), *loss.faults(round_trip))


def _bits(name: str, source: str, down: int, up: int, round_trip_ms: int, note: str = "") -> Profile:
    """Make a profile from the units of its source: bit/s and milliseconds there and back."""
    return Profile(name, line(round_trip_ms / 1000, down / 8, up / 8), source, note)


_DEVTOOLS = "Chrome DevTools, network throttling"
_LIGHTHOUSE = "Chrome DevTools and Lighthouse"
_WEBPAGETEST = "WebPageTest, connectivity.ini.sample"
_MULTIPLIES = "DevTools itself multiplies before it applies these: it delays requests, not packets"
_OURS = "our own: chosen for tests, not measured"
_TENTH = "a tenth of the real times, so that a test sees some of them"

SOURCED = (
    _bits("slow-3g", _DEVTOOLS, 500_000, 500_000, 400, _MULTIPLIES),
    _bits("slow-4g", _LIGHTHOUSE, 1_600_000, 750_000, 150, 'once called "fast 3G"'),
    _bits("fast-4g", _DEVTOOLS, 9_000_000, 1_500_000, 60),
    _bits("2g", _WEBPAGETEST, 280_000, 256_000, 800),
    _bits("edge", _WEBPAGETEST, 240_000, 200_000, 840),
    _bits("3g", _WEBPAGETEST, 1_600_000, 768_000, 300),
    _bits("3g-fast", _WEBPAGETEST, 1_600_000, 768_000, 150),
    _bits("4g", _WEBPAGETEST, 9_000_000, 9_000_000, 170),
    _bits("lte", _WEBPAGETEST, 12_000_000, 12_000_000, 70),
    _bits("dsl", _WEBPAGETEST, 1_500_000, 384_000, 50),
    _bits("cable", _WEBPAGETEST, 5_000_000, 1_000_000, 28),
    _bits("fios", _WEBPAGETEST, 20_000_000, 5_000_000, 4, "optical fibre to the home"),
    _bits("dial-up", _WEBPAGETEST, 49_000, 30_000, 120),
    Profile("geo-satellite", line(0.6), "APNIC, 2022", "a round trip is 477 ms at least and typically 600; no rate"),
)

OWN = (
    Profile(
        "wifi-lossy", lossy(0.02, Loss(0.02, 4), 0.005), _OURS, "2 % of the packets lost, 4 in a row; stalls", own=True
    ),
    Profile("cell-edge", lossy(0.15, Loss(0.01, 8), 0.03), _OURS, "1 % lost, 8 in a row: stalls, and 3G's", own=True),
    Profile("tunnel", lossy(0.15, Loss(0.3, 50), 0.03), _OURS, "30 % lost, 50 in a row: stalls of a second", own=True),
    Profile(
        "elevator",
        (Delay(0.035), Flap(down=(1.0, 3.0), up=(1.0, 5.0), fault=Stall())),
        _OURS,
        f"no signal between the floors, and nothing is lost; {_TENTH}",
        own=True,
    ),
    Profile(
        "subway",
        (Delay(0.035, 0.01), Flap(down=(6.0, 12.0), up=(3.0, 6.0), fault=Stall())),
        _OURS,
        f"signal in the stations only, and nothing is lost; {_TENTH}",
        own=True,
    ),
    Profile(
        "mobile-handover",
        (Delay(0.035, 0.01), Flap(down=(0.2, 1.0), up=(2.0, 8.0), fault=Blackhole())),
        _OURS,
        "another network, another address: what is sent meanwhile vanishes, and connections that lost it are reset",
        own=True,
    ),
    Profile(
        "corporate-proxy",
        (Delay(0.01, 0.005), IdleTimeout(6.0)),
        _OURS,
        f"who is silent for 6 s gets a FIN; {_TENTH}",
        own=True,
    ),
    Profile(
        "rolling-restart",
        (Flap(down=(0.2, 1.0), up=(2.0, 5.0), fault=Cut()),),
        _OURS,
        "one server after another is replaced: connections are reset, and refused until the next one is up",
        own=True,
    ),
)

#: Names under which people know a profile that is called otherwise now.
_FORMER = {"fast-3g": "slow-4g", "dialup": "dial-up", "satellite": "geo-satellite"}


class Profiles:
    """The profiles of a run, by name: ours, and those that were added."""

    def __init__(self, profiles: Iterable[Profile] = (*SOURCED, *OWN)) -> None:
        self._by_name: dict[str, tuple[Profile, str]] = {profile.name: (profile, "") for profile in profiles}

    def __iter__(self) -> Iterator[Profile]:
        return (profile for profile, _ in self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def add(self, profile: Profile, origin: str) -> None:
        """Add a profile.

        Args:
            profile: Which.
            origin: Who brought it: a file, or a plugin.

        Raises:
            TypeError: It isn't a profile.
            ValueError: There is one of this name already.
        """
        if not isinstance(profile, Profile):
            raise TypeError(f"{origin} must give profiles, not {profile!r}")
        if profile.name in self._by_name:
            theirs = self.origin(profile.name) or "pytest-netchaos"
            raise ValueError(
                f"{origin}: there is a profile {profile.name!r} already, from {theirs}: choose another name"
            )
        self._by_name[profile.name] = (profile, origin)

    def origin(self, name: str) -> str:
        """Return who brought a profile; empty for our own."""
        return self._by_name[name][1]

    def get(self, name: str) -> Profile:
        """Return the profile of this name.

        Raises:
            ValueError: There is none; with the closest names.
        """
        found = self._by_name.get(name)
        if found is None:
            raise ValueError(f"there is no profile {name!r}{self._hint(name)} (--netchaos-profiles lists them)")
        return found[0]

    def _hint(self, name: str) -> str:
        key = re.sub(r"[\s_]+", "-", name.strip().lower())
        close = difflib.get_close_matches(key, self._by_name, n=3)
        if (former := _FORMER.get(key)) and former in self._by_name:
            close = list(dict.fromkeys([former, *close]))[:3]
        return f": did you mean {' or '.join(map(repr, close))}?" if close else ""
