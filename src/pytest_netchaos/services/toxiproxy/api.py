"""Toxiproxy's HTTP API, as far as an engine needs it.

Not toxiproxy-python: its host and port are class attributes, it opens a connection for each call, has no time-outs and
takes a 500 for a success.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import threading
from typing import Any
from urllib.parse import quote

from ...errors import EngineError, hide_own_errors
from ..kernel import is_readable

__tracebackhide__ = hide_own_errors

#: Seconds for a call; Toxiproxy answers in 0.0002. A client that doesn't read can make one hang (Shopify/toxiproxy
#: issues 159, 412, 558): it gives up by itself after 25.
TIMEOUT = 5.0
#: Seconds for a call after one that hung.
_SHORT = 0.5
#: The oldest version with PATCH, and with a version in JSON.
OLDEST = (2, 6, 0)
#: What a call can fail with; a host name that can't be one is a UnicodeError.
_FAILURES = (OSError, http.client.HTTPException, UnicodeError)


class NotToxiproxy(EngineError):
    """Somebody answers, and it isn't a Toxiproxy that will do: to ask again is of no use."""


class Api:
    """One Toxiproxy server. Calls are thread-safe, and go over one connection that is kept.

    Args:
        host: Where its API listens.
        port: The port.
        timeout: Seconds for each call.
    """

    def __init__(self, host: str, port: int, timeout: float = TIMEOUT) -> None:
        self.host = host
        self.port = port
        self._timeout = timeout
        self._is_stuck = False
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None

    def __repr__(self) -> str:
        """Say where it is."""
        return f"<Toxiproxy API at {self.where}>"

    @property
    def where(self) -> str:
        """Its address, for messages."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_connected(self) -> bool:
        """Whether the latest call's connection is still there: not if the server has ended, or been idle for long."""
        with self._lock:
            sock = None if self._connection is None else self._connection.sock
            return sock is not None and not is_readable(sock.fileno(), 0)

    @property
    def _patience(self) -> float:
        """Seconds for the next call: a server that hung a moment ago isn't given as much again."""
        return min(self._timeout, _SHORT) if self._is_stuck else self._timeout

    def version(self) -> str:
        """Return the server's version.

        Raises:
            EngineError: Nobody answers there.
            NotToxiproxy: Somebody else does, or one that is too old.
        """
        try:
            status, body = self._exchange("GET", "/version", None)
        except _FAILURES as error:
            if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
                raise NotToxiproxy(f"what answers at {self.where} isn't a Toxiproxy: {error!r}") from None
            raise EngineError(f"no Toxiproxy answers at {self.where}: {error or type(error).__name__}") from None
        if status == 200 and (plain := re.fullmatch(r"v?(\d+\.\d+[\w.-]*)\s*", body)):  # noqa: PLR2004 - OK; before 2.6
            raise NotToxiproxy(_too_old(self.where, plain[1]))
        try:
            version = json.loads(body)["version"]
        except (ValueError, KeyError, TypeError):
            raise NotToxiproxy(
                f"what answers at {self.where} isn't a Toxiproxy: GET /version says {status} {body[:80]!r}"
            ) from None
        numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", str(version))  # a build from source says "git": it is new
        if numbers and tuple(map(int, numbers.groups())) < OLDEST:
            raise NotToxiproxy(_too_old(self.where, str(version)))
        return str(version)

    def proxies(self) -> dict[str, Any]:
        """Return every proxy by name, with its toxics."""
        found: dict[str, Any] = self.call("GET", "/proxies")
        return found

    def create(self, name: str, listen: str, upstream: str) -> str:
        """Make a proxy that listens at once; return the address that it has in the end."""
        made = self.call("POST", "/proxies", {"name": name, "listen": listen, "upstream": upstream, "enabled": True})
        try:
            return str(made["listen"])
        except (KeyError, TypeError):
            raise EngineError(f"Toxiproxy at {self.where} has made a proxy, and doesn't say where: {made!r}") from None

    def enable(self, name: str, *, enabled: bool) -> None:
        """Open or close a proxy's port; closing ends its connections."""
        self.call("POST", _path(name), {"enabled": enabled})

    def delete(self, name: str) -> None:
        """Take a proxy away, with its connections. One that has gone already is no error."""
        self.call("DELETE", _path(name), missing_is_fine=True)

    def add_toxic(self, proxy: str, name: str, type_: str, stream: str, attributes: dict[str, Any]) -> None:
        """Put a toxic on a proxy: on its live connections and on those to come."""
        body = {"name": name, "type": type_, "stream": stream, "attributes": attributes, "toxicity": 1.0}
        self.call("POST", f"{_path(proxy)}/toxics", body)

    def set_toxicity(self, proxy: str, name: str, toxicity: float) -> None:
        """Change the share of connections that a toxic is on."""
        self.call("POST", f"{_path(proxy)}/toxics/{quote(name, safe='')}", {"toxicity": toxicity})

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Take a toxic away. One that has gone already is no error."""
        self.call("DELETE", f"{_path(proxy)}/toxics/{quote(name, safe='')}", missing_is_fine=True)

    def call(self, method: str, path: str, body: object = None, *, missing_is_fine: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Make one call and return what it says.

        Raises:
            EngineError: The server can't be reached, hangs, refuses, or answers something else than JSON.
        """
        try:
            status, text = self._exchange(method, path, body)
        except TimeoutError:
            patience, self._is_stuck = self._patience, True
            raise EngineError(
                f"Toxiproxy at {self.where} hasn't answered {method} {path} within {patience:g} s: a peer that "
                "doesn't read, or a slow throttle beside another fault, makes it hang"
            ) from None
        except _FAILURES as error:
            why = str(error) or type(error).__name__
            raise EngineError(f"Toxiproxy at {self.where} can't be told {method} {path}: {why}") from None
        if status >= 400 and not (missing_is_fine and status == 404):  # noqa: PLR2004 - HTTP's errors begin there
            raise EngineError(f"Toxiproxy at {self.where} refused {method} {path}: {status} {_reason(text)}")
        try:
            return json.loads(text) if text and status < 400 else None  # noqa: PLR2004
        except ValueError:
            raise EngineError(
                f"Toxiproxy at {self.where} answered {method} {path} with {status} and no JSON: {text[:80]!r}"
            ) from None

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hang_up()

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, str]:
        data = None if body is None else json.dumps(body)
        with self._lock:
            if self._connection is not None:
                with contextlib.suppress(ConnectionError):  # it has closed a connection that was idle: once more
                    return self._send(method, path, data)
            return self._send(method, path, data)

    def _send(self, method: str, path: str, data: str | None) -> tuple[int, str]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=self._patience)
        if self._connection.sock is not None:  # it may have been made when there was less patience
            self._connection.sock.settimeout(self._patience)
        headers = {"Content-Type": "application/json"} if data is not None else {}
        try:
            self._connection.request(method, path, data, headers)
            response = self._connection.getresponse()
            self._is_stuck = False
            return response.status, response.read().decode("utf-8", "replace")
        except BaseException:
            self._hang_up()  # half a call is still on it
            raise

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _path(proxy: str) -> str:
    return f"/proxies/{quote(proxy, safe='')}"


def _reason(text: str) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return repr(text[:200])


def _too_old(where: str, version: str) -> str:
    return f"the Toxiproxy at {where} is version {version}, and {'.'.join(map(str, OLDEST))} is the oldest that will do"
