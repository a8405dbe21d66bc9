"""A process of its own in which one engine, or one Redis, is used for the first time, and then again.

``python -m benchmarks.first_use engine|redis NAME`` prints, for the first and for the second time, the milliseconds
until it was ready and those that its end took.
"""

from __future__ import annotations

import json
import sys
import time

import pytest  # noqa: F401 - a run has imported both before its first test

import pytest_netchaos.plugin  # noqa: F401

from .tcp import dial, listen, receive


def main(what: str, name: str) -> None:
    """Measure, and print."""
    print(json.dumps([_once(what, name) for _ in range(2)]))


def _once(what: str, name: str) -> tuple[float, float]:
    with listen() as server:
        began = time.perf_counter()
        from .offers import resources  # noqa: PLC0415 - what it imports is a part of what is measured

        made = resources(**{what: name})
        try:
            if what == "engine":
                from pytest_netchaos.network import Network  # noqa: PLC0415

                network = Network(made.engine)
                with dial(network.link(server.getsockname()).address) as client:
                    client.sendall(b"x")
                    peer, _ = server.accept()
                    with peer:
                        peer.sendall(receive(peer, 1))
                        receive(client, 1)
            else:
                made.redis()
            ready = time.perf_counter() - began
            if what == "engine":
                network.close()
        finally:
            began = time.perf_counter()
            made.close()
            ended = time.perf_counter() - began
    return ready * 1e3, ended * 1e3


if __name__ == "__main__":
    main(*sys.argv[1:])
