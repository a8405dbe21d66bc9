"""A server of Toxiproxy's API, one proxy on it, and both ends of the connections through that."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests import needs
from tests.conformance.peers import SOON, Peer

from pytest_netchaos.patience import eventually
from pytest_netchaos.services.ports import Reservation

#: Seconds that a busy machine may add. What comes at once comes within it.
LATE = 2.0
#: Seconds that a server may take for an answer. It takes less than a millisecond.
PATIENCE = 10.0

#: Both directions, and connections from before and after a toxic, in half the combinations: for cases that take long.
DIAGONAL = pytest.mark.parametrize(("stream", "when"), [("upstream", "live"), ("downstream", "new")])


def command(server: str, port: int, seed: int) -> list[str]:
    """How the server is started that a test asks for."""
    if server == "toxiproxy":
        return [needs.toxiproxy(), "-host", "127.0.0.1", "-port", str(port), "-seed", str(seed), "-proxy-metrics"]
    serve = [sys.executable, "-m", "pytest_netchaos", "serve", "--listen", f"127.0.0.1:{port}"]
    return [*serve, "--seed", str(seed), "--proxy-metrics"]


class Server:
    """A process that serves the API, until it is closed."""

    def __init__(self, name: str, seed: int = 1, *, is_shared: bool = False) -> None:
        self.name = name
        #: Whether several tests use it, one after the other.
        self.is_shared = is_shared
        #: Seconds that it may take for an answer.
        self.patience = PATIENCE
        self._kept = Reservation()
        self.port = self._kept.port
        self._process = subprocess.Popen(
            command(name, self.port, seed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._await()

    def _await(self) -> None:
        try:
            eventually(self._listens, SOON, ignoring=ConnectionRefusedError)
        except BaseException:
            self.close()
            raise

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            pytest.fail(f"{self.name} does not listen; its exit code is {self._process.returncode}")
        with socket.create_connection(("127.0.0.1", self.port), SOON):
            return True

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.is_shared = False
        self._process.kill()
        self._process.wait(SOON)
        self._kept.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the API, and return what it says.

        Raises:
            AssertionError: it refuses.
            TimeoutError: it says nothing for ``patience`` seconds.
        """
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            client.request(method, path, None if body is None else json.dumps(body))
            response = client.getresponse()
            said = response.read()
        finally:
            client.close()
        assert response.status < 300, f"{method} {path}: {response.status} {said!r}"
        return json.loads(said) if said and path != "/metrics" else said.decode()


class Rig:
    """One proxy, with words for what is done to it."""

    def __init__(self, server: Server, name: str, patience: float = SOON) -> None:
        self.server = server
        server.patience = min(PATIENCE, patience)
        self.path = f"/proxies/{name}"
        self.patience = patience
        self.peers: list[Peer] = []
        self.listener = self._listen()
        upstream = "{}:{}".format(*self.listener.getsockname())
        made = server.call("POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream})
        self.address = _address(made)

    @property
    def early(self) -> float:
        """Seconds that a chain may be early. In Toxiproxy each toxic counts from when the one before was to wake."""
        return 0.005 if self.server.name == "toxiproxy" else 0.0

    def _listen(self) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        listener.settimeout(self.patience)
        return listener

    def close(self) -> None:
        """Close every socket of the test's, and take the proxy away."""
        self.listener.close()
        for peer in self.peers:
            peer.close()
        if self.server.is_shared:
            self.server.call("DELETE", self.path)

    # The API.

    def set(self, **settings: object) -> dict[str, Any]:
        """Change the proxy."""
        made: dict[str, Any] = self.server.call("POST", self.path, settings)
        self.address = _address(made)
        return made

    def add(self, type_: str, stream: str = "downstream", *, toxicity: float = 1.0, name: str = "", **has: int) -> str:
        """Add a toxic, and return its name."""
        toxic = {"name": name, "type": type_, "stream": stream, "toxicity": toxicity, "attributes": has}
        return self.server.call("POST", f"{self.path}/toxics", toxic)["name"]

    def update(self, name: str, *, toxicity: float | None = None, **has: int) -> None:
        """Change a toxic."""
        share = {} if toxicity is None else {"toxicity": toxicity}
        self.server.call("PATCH", f"{self.path}/toxics/{name}", {"attributes": has, **share})

    def remove(self, name: str) -> None:
        """Take a toxic away."""
        self.server.call("DELETE", f"{self.path}/toxics/{name}")

    def toxics(self) -> list[str]:
        """The names of the proxy's toxics."""
        return [toxic["name"] for toxic in self.server.call("GET", f"{self.path}/toxics")]

    def counted(self, what: str, direction: str) -> int:
        """What ``/metrics`` has counted: bytes ``received`` or ``sent``."""
        said = self.server.call("GET", "/metrics")
        found = re.findall(
            rf'^toxiproxy_proxy_{what}_bytes_total{{direction="{direction}",.*}} (\S+)$', said, re.MULTILINE
        )
        return sum(int(float(count)) for count in found)

    # Connections.

    def dial(self) -> Peer:
        """Connect to the proxy."""
        return self._keep(socket.create_connection(self.address, self.patience))

    def accept(self) -> Peer:
        """Take the server's end of the next connection that comes through."""
        return self._keep(self.listener.accept()[0])

    def _keep(self, sock: socket.socket) -> Peer:
        self.peers.append(Peer(sock))
        sock.settimeout(self.patience)
        return self.peers[-1]

    def pair(self) -> tuple[Peer, Peer]:
        """Connect, and return the client's and the server's end."""
        return self.dial(), self.accept()

    def live_pair(self) -> tuple[Peer, Peer]:
        """Connect, and return both ends when a byte has passed each way."""
        client, server = self.pair()
        client.send(b"?")
        assert server.receives(b"?")
        server.send(b"!")
        assert client.receives(b"!")
        return client, server

    def poisoned(self, when: str, type_: str, stream: str, **has: int) -> tuple[Peer, Peer]:
        """Connect before (``"live"``) or after (``"new"``) a toxic is added; return the sender and the receiver.

        The sender is on the side where the bytes come from that the toxic is on.
        """
        if when == "live":
            pair = sender_first(self.live_pair(), stream)
            self.add(type_, stream, **has)
            return pair
        self.add(type_, stream, **has)
        sender, receiver = sender_first(self.pair(), stream)
        receiver.send(b"!")  # an upstream may have accepted before the proxy goes on from there
        assert sender.receives(b"!")
        return sender, receiver


def sender_first(pair: tuple[Peer, Peer], stream: str) -> tuple[Peer, Peer]:
    """The two ends, the one first whose bytes go in that direction."""
    return (pair[0], pair[1]) if stream == "upstream" else (pair[1], pair[0])


def in_pieces(peer: Peer, count: int) -> Iterator[bytes]:
    """What each read gives, until there are so many bytes."""
    while count > 0:
        piece = peer.sock.recv(1 << 16)
        if not piece:
            return
        count -= len(piece)
        yield piece


def _address(proxy: dict[str, Any]) -> tuple[str, int]:
    host, _, port = proxy["listen"].rpartition(":")
    return host, int(port)
