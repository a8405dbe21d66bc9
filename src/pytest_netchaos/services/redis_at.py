"""A Redis server that runs elsewhere, and that we may use but not break."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import quote, unquote, urlsplit

from ..addresses import UrlDefaults
from ..errors import ServiceError, hide_own_errors
from ..masking import masked
from .asking import Askable
from .resp import Connection, ErrorReply, ProtocolError

if TYPE_CHECKING:
    from types import TracebackType

    from ..history import Outage
    from .resp import Argument

__tracebackhide__ = hide_own_errors

_FORM = "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]"
_PORT = 6379
#: Seconds for it to answer the first time.
_TIMEOUT = 5.0
_WAY_OUT = (
    "--netchaos-redis=embedded (no Docker needed), docker, or local starts one that tests may break; "
    "faults of the network to this one are for a link in front of it"
)


class RedisAt(Askable):
    """A Redis server at a URL. Tests have one of its databases, and nothing is done to the others or to itself.

    Args:
        url: ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]``.
        worker: Added to the number of the database: tests that run side by side have one each. (Channels are the whole
            server's: pub/sub knows no databases.)
        timeout: Seconds for `start` to hear of it.

    Raises:
        ServiceError: That is no such URL.
    """

    def __init__(self, url: str, *, worker: int = 0, timeout: float = _TIMEOUT) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port or _PORT
            self.db = int(parts.path.strip("/") or 0) + worker
        except ValueError:  # its text may have a piece of the password, taken for the port
            raise _malformed(url) from None
        if parts.scheme != "redis" or not self._host or self.db < 0 or parts.query or parts.fragment:
            raise _malformed(url)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._timeout = timeout

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RedisAt {self._host}:{self._port}/{self.db}>"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self._host, self._port

    @property
    def state(self) -> str:
        """``"running"`` if it answers within 1 s, else ``"not answering"``."""
        return "running" if self.is_ready() else "not answering"

    @property
    def is_running(self) -> bool:
        """Whether it answers within 1 s."""
        return self.is_ready()

    @property
    def is_paused(self) -> bool:
        """Never by us."""
        return False

    @property
    def outages(self) -> tuple[Outage, ...]:
        """None: tests may not break it."""
        return ()

    def url(self, db: int | None = None) -> str:
        """For a client, with the password.

        Args:
            db: A database; ``None`` for the one that tests have.
        """
        host = f"[{self._host}]" if ":" in self._host else self._host
        secret = f"{self.url_defaults.userinfo}@" if self._password else ""
        return f"redis://{secret}{host}:{self._port}/{self.db if db is None else db}"

    @property
    def url_defaults(self) -> UrlDefaults:
        """What a URL through a link in front of it has to have: the credentials, and the database that tests have."""
        userinfo = f"{quote(self._user, safe='')}:{quote(self._password, safe='')}" if self._password else ""
        return UrlDefaults(userinfo, f"/{self.db}")

    def log_tail(self, lines: int = 20) -> str:  # noqa: ARG002 - as in RedisServer
        """Nothing: its log is elsewhere."""
        return ""

    def start(self) -> float:
        """See that it is there: it runs already. When that was, on ``time.monotonic()``.

        Raises:
            ServiceError: Nobody answers there, not a Redis, or not to us.
        """
        try:
            with self._connect(self._timeout) as connection:
                reply = connection.call("PING")
        except (OSError, ProtocolError) as error:
            raise ServiceError(
                f"no Redis answers at {self._host}:{self._port}: {error or type(error).__name__}"
            ) from None
        if reply != "PONG":
            raise ServiceError(f"the Redis at {self._host}:{self._port} does not let us in: {reply!r}")
        return time.monotonic()

    def flush(self) -> float:
        """Delete the keys of the database that tests have, and of no other.

        Raises:
            ServiceError: It does not answer.
        """
        self.execute("FLUSHDB")
        return time.monotonic()

    def restore(self) -> float:
        """For the end of a test: as `flush`, since nothing else is ever done to it."""
        return self.flush()

    def close(self) -> None:
        """Leave it alone: it isn't ours to end."""

    def pause(self) -> NoReturn:
        """Not ours: ``ServiceError``."""
        raise self._refusal("paused")

    def resume(self) -> NoReturn:
        """Not ours: ``ServiceError``."""
        raise self._refusal("resumed")

    def kill(self) -> NoReturn:
        """Not ours: ``ServiceError``."""
        raise self._refusal("killed")

    def stop(self) -> NoReturn:
        """Not ours: ``ServiceError``."""
        raise self._refusal("stopped")

    def restart(self, *, keep_data: bool = True) -> NoReturn:  # noqa: ARG002 - as in RedisServer
        """Not ours: ``ServiceError``."""
        raise self._refusal("restarted")

    def _refusal(self, wish: str) -> ServiceError:
        return ServiceError(f"the Redis server at {self._host}:{self._port} isn't ours to be {wish}: {_WAY_OUT}")

    def _connect(self, timeout: float) -> Connection:
        connection = super()._connect(timeout)
        try:
            refused = [reply for reply in connection.pipeline(self._greeting()) if isinstance(reply, ErrorReply)]
        except BaseException:
            connection.close()
            raise
        if refused:
            connection.close()
            raise ProtocolError(refused[0].message)
        return connection

    def _greeting(self) -> list[list[Argument]]:
        greeting: list[list[Argument]] = []
        if self._password:
            greeting.append(["AUTH", *([self._user] if self._user else []), self._password])
        if self.db:
            greeting.append(["SELECT", self.db])
        return greeting


def _malformed(url: str) -> ServiceError:
    return ServiceError(f"{masked(url)!r} is no URL of a Redis server: {_FORM}")
