"""Who started a container: written on it, so that whoever finds it later knows whether it is still needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from ..kernel import has_ended, has_rebooted, started, this_host

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "pytest-netchaos."
#: On everything of ours. What has no such label is somebody else's, and left alone.
RUN = _PREFIX + "run"
_WORKER = _PREFIX + "worker"
_PID = _PREFIX + "owner-pid"
_OWNER_STARTED = _PREFIX + "owner-started"
_HOST = _PREFIX + "host"
_STARTED = _PREFIX + "started"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that a container or a network belongs to."""

    #: The id of the test run.
    run: str
    #: The xdist worker: ``"gw0"``, or ``"main"``.
    worker: str
    pid: int
    #: When the process started, see `kernel.started`: a pid is given out again.
    started: str
    #: Where that pid means something, see `kernel.this_host`: daemons are shared between machines.
    host: str

    @classmethod
    def here(cls, run: str, worker: str) -> Self:
        """This process."""
        return cls(run, worker, os.getpid(), started(os.getpid()) or "", this_host())

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """The owner that these labels name; ``None`` if they don't, or not in our words."""
        try:
            pid = int(labels[_PID])
            return cls(labels[RUN], labels[_WORKER], pid, labels[_OWNER_STARTED], labels[_HOST])
        except (KeyError, ValueError):
            return None

    def labels(self) -> dict[str, str]:
        """The labels that name it, by which all that is its own can be found."""
        return {
            RUN: self.run,
            _WORKER: self.worker,
            _PID: str(self.pid),
            _OWNER_STARTED: self.started,
            _HOST: self.host,
        }

    def labels_now(self) -> dict[str, str]:
        """The labels for something new: with the time of day, for people."""
        return {**self.labels(), _STARTED: datetime.now(UTC).isoformat(timespec="seconds")}

    def is_dead(self) -> bool:
        """Whether it is known to have ended: never of a process on another machine, or in another pid namespace.

        This machine's last boot has ended all that ran before.
        """
        if has_rebooted(self.host):
            return True
        return self.host == this_host() and self.pid > 0 and has_ended(self.pid, self.started)
