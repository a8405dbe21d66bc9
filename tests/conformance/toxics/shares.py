"""Which of many connections a toxic is on, told by a byte that doesn't arrive."""

from __future__ import annotations

from tests.conformance.peers import Peer, without_news

#: Enough for two draws of a half to be the same once in 10^12 runs.
MANY = 40
#: Seconds of silence after which no byte is coming: on many connections at once, more than on one.
_QUIET = 0.25


def hit(pairs: list[tuple[Peer, Peer]]) -> set[int]:
    """The numbers of the connections on which a byte to the client doesn't arrive; the others have it, and no more."""
    for _, server in pairs:
        server.send(b"x")
    clients = quiet = [client for client, _ in pairs]
    while (fewer := without_news(quiet, _QUIET)) != quiet:
        quiet = fewer
    for number, client in enumerate(clients):
        assert client in quiet or client.receives(b"x"), number
    return {number for number, client in enumerate(clients) if client in quiet}
