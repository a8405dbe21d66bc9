"""What can be seen of a container without changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import ServiceError
from . import inspection
from .trouble import asking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker.models.containers import Container as Handle


class View:
    """A container as the daemon shows it: asked anew each time, so that it is always as it really is.

    Args:
        handle: The daemon's.
        image: What it was made of.
        host: Where its ports are dialled.
        ports: Where each of its published ports is; ``None`` for a container in the machine's own network.
    """

    def __init__(self, handle: Handle, *, image: str, host: str, ports: Mapping[int, int] | None) -> None:
        self._handle = handle
        self._image = image
        self._host = host
        self._ports = ports
        self._closed = False
        # The end before the last start, from which on its log is of interest. Not the start itself: the daemon takes
        # note of that when the program may have written, and failed, already.
        self._since: float | None = None

    def __repr__(self) -> str:
        return f"<Container {self.name} {'closed' if self._closed else self.state}>"

    @property
    def id(self) -> str:
        """The daemon's id for it."""
        return str(self._handle.id)

    @property
    def name(self) -> str:
        """Its name, by which other containers on its network reach it as well."""
        return str(self._handle.name)

    @property
    def image(self) -> str:
        """What it was made of."""
        return self._image

    @property
    def state(self) -> str:
        """``"running"``, ``"paused"``, ``"down"`` or ``"gone"``, as it really is now."""
        return inspection.state(self._inspect())

    @property
    def is_running(self) -> bool:
        """Whether its program is there, paused or not."""
        return self.state in {"running", "paused"}

    @property
    def is_paused(self) -> bool:
        """Whether it is frozen, by `pause` or by somebody else."""
        return self.state == "paused"

    @property
    def exit_code(self) -> int | None:
        """The exit code of its program, 128 and more for a signal; ``None`` while it runs, and when it is gone."""
        return inspection.exit_code(self._inspect())

    def address(self, port: int) -> tuple[str, int]:
        """Where one of its ports is dialled from here: the same for life, also while it is down.

        Args:
            port: The port inside the container.

        Raises:
            ServiceError: It isn't published.
        """
        if self._ports is None:
            return self._host, port
        if port not in self._ports:
            published = ", ".join(map(str, self._ports)) or "none"
            raise ServiceError(f"port {port} of the container {self.name} isn't published; these are: {published}")
        return self._host, self._ports[port]

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote since it was last started."""
        options: dict[str, Any] = {"tail": lines}
        if self._since is not None:
            options["since"] = self._since
        try:
            with asking(f"give the log of {self.name}"):
                return str(self._handle.logs(**options).decode(errors="replace")).rstrip("\n")
        except ServiceError as error:  # removed, or a log driver that only writes
            return f"({error})"

    def failure(self, what: str) -> ServiceError:
        """An error that says what was run, how it ended, and what it wrote last."""
        found = self._inspect()
        log = self.log_tail() or "(nothing)"
        return ServiceError(
            f"the container {self.name} {what}: {inspection.ending(found)}.\n"
            f"  run as: {self._image} {inspection.command(found)}\n  last lines of its log:\n"
            + "\n".join(f"    {line}" for line in log.splitlines())
        )

    def _inspect(self) -> dict[str, Any]:
        """What the daemon knows of it; empty if it is gone."""
        from docker.errors import NotFound  # noqa: PLC0415

        with asking(f"look at {self.name}"):
            try:
                found: dict[str, Any] = self._handle.client.api.inspect_container(self.id)
            except NotFound:
                return {}
        return found
