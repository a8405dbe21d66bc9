"""What a server of ours runs in: a process, or a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..errors import ServiceError


class Machine(Protocol):
    """Something that runs a server, and can be frozen, thawed and switched off. Its calls are safe from any thread."""

    @property
    def is_running(self) -> bool:
        """Whether it runs, paused or not."""

    @property
    def is_paused(self) -> bool:
        """Whether all of it is frozen."""

    def pause(self) -> object:
        """Freeze it. ``ServiceError`` if it is down."""

    def resume(self) -> object:
        """Let it go on, if it is frozen. ``ServiceError`` if it is down."""

    def kill(self) -> object:
        """Switch it off, frozen or not."""

    def wait(self, timeout: float) -> int | None:
        """Wait so many seconds for its end. Its exit code; ``None`` if it still runs."""

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote since it was last started."""

    def failure(self, what: str) -> ServiceError:
        """An error that says what was run, how it ended, and what it wrote last."""
