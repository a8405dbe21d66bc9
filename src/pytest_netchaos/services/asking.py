"""What can be asked of any Redis server, wherever it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ..errors import ServiceError, hide_own_errors
from .resp import Connection, ErrorReply, ProtocolError

if TYPE_CHECKING:
    from .resp import Argument, Reply

__tracebackhide__ = hide_own_errors


class Askable(ABC):
    """A Redis server with an address."""

    @property
    @abstractmethod
    def address(self) -> tuple[str, int]:
        """Host and port."""

    @property
    @abstractmethod
    def state(self) -> str:
        """In a word, for error messages: ``"running"``, ``"paused"``, ``"down"`` …."""

    @property
    def host(self) -> str:
        """Its host."""
        return self.address[0]

    @property
    def port(self) -> int:
        """Its port."""
        return self.address[1]

    def url(self, db: int = 0) -> str:
        """For a client: ``redis://127.0.0.1:PORT/0``."""
        return f"redis://{self.host}:{self.port}/{db}"

    def is_ready(self, timeout: float = 1.0) -> bool:
        """Whether it answers PING with PONG.

        Args:
            timeout: Seconds that it has; a paused server takes all of them.
        """
        try:
            with self._connect(timeout) as connection:
                return connection.call("PING") == "PONG"
        except (OSError, ProtocolError):
            return False

    def execute(self, *arguments: Argument, timeout: float = 5.0) -> Reply:
        """Send one command, over a connection of its own: ``execute("PUBSUB", "NUMSUB", "news")``.

        Args:
            arguments: The command.
            timeout: Seconds for the reply.

        Returns:
            A status as ``str``, a value as ``bytes``, a number as ``int``, nothing as ``None``, or a list of these.

        Raises:
            ServiceError: The server is down, refuses the command, or doesn't answer in time.
        """
        host, port = self.address
        try:
            with self._connect(timeout) as connection:
                reply = connection.call(*arguments)
        except (OSError, ProtocolError) as error:
            raise ServiceError(
                f"Redis at {host}:{port} did not answer {arguments[0]!r} ({error}): it is {self.state}"
            ) from None
        if isinstance(reply, ErrorReply):
            raise ServiceError(f"Redis at {host}:{port} refused {arguments!r}: {reply.message}")
        return reply

    def subscribers(self, channel: str) -> int:
        """How many subscribe to a channel by name now: the end of an outage isn't yet the end of a recovery."""
        reply = self.execute("PUBSUB", "NUMSUB", channel)
        assert isinstance(reply, list)
        assert isinstance(reply[1], int)
        return reply[1]

    def _connect(self, timeout: float) -> Connection:
        """A connection on which commands can be sent. Errors as for `Connection`."""
        return Connection(self.address, timeout)
