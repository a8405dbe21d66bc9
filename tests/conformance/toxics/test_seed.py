"""The same seed gives the same decisions, whatever else happens: other proxies and toxics, dials, turns of bytes."""

from __future__ import annotations

import select

import pytest
from tests.conformance.toxics.shares import MANY, hit


def sizes(clients, count):
    """The sizes of the pieces in which each client gets so many bytes, read as they come."""
    found = {client.sock: [] for client in clients}
    while waiting := [sock for sock, pieces in found.items() if sum(pieces) < count]:
        for sock in select.select(waiting, [], [])[0]:  # pytest-timeout ends it
            found[sock].append(len(sock.recv(count)))
            assert found[sock][-1]
    return list(found.values())


@pytest.mark.unlike_toxiproxy("its -seed has no effect")
def test_the_same_seed_hits_the_same_connections_in_two_runs(serve):
    runs = []
    for seed in (7, 7, 8):
        rig = serve(seed)
        rig.add("bandwidth", toxicity=0.5, rate=0)
        runs.append(hit([rig.pair() for _ in range(MANY)]))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.unlike_toxiproxy("its -seed has no effect")
def test_what_else_happens_changes_nothing_in_who_is_hit(serve):
    plain, busy = serve(7), serve(7)
    plain.add("bandwidth", toxicity=0.5, rate=0)
    expected = hit([plain.pair() for _ in range(MANY)])
    busy.server.call("POST", "/proxies", {"name": "another", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"})
    busy.add("latency", name="earlier", toxicity=0.5, latency=1, jitter=1)
    busy.set(enabled=False)
    with pytest.raises(ConnectionRefusedError):
        busy.dial()
    busy.set(enabled=True)
    busy.add("bandwidth", toxicity=0.5, rate=0)
    pairs = [busy.pair() for _ in range(MANY)]
    busy.remove("earlier")
    busy.add("noop", "upstream", toxicity=0.5)
    assert hit(pairs) == expected
    for client, server in reversed(pairs):
        client.send(b"y")
        assert server.receives(b"y")
    assert hit(pairs) == expected


@pytest.mark.unlike_toxiproxy("its -seed has no effect")
def test_the_same_seed_cuts_the_same_pieces_whichever_connection_speaks_first(serve):
    runs = []
    for seed, order in ((7, 1), (7, -1), (8, 1)):
        rig = serve(seed)
        rig.add("slicer", average_size=20, size_variation=15, delay=100_000)
        pairs = [rig.pair() for _ in range(3)]
        for _, server in pairs[::order]:
            server.send(bytes(range(60)))
        runs.append(sizes([client for client, _ in pairs], 60))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
