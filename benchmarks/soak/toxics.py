"""Toxics that come and go at random, over the relay's own Toxiproxy API."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from ..kept import KeptHttp, spell
from .mischief import draw_toxic

_PROXIES = ("first", "second")
#: Most toxics at a time on one proxy.
_MOST = 3

Timed = Callable[[str, Callable[[], bytes]], bytes]


class Toxics:
    """The API of one relay.

    Args:
        address: Where it is.
        timed: Makes a call and notes how long it took.
    """

    def __init__(self, address: tuple[str, int], timed: Timed) -> None:
        self._http = KeptHttp(address)
        self._timed = timed
        self._toxics: dict[str, list[str]] = {}
        self._count = 0

    def make_proxies(self, upstream: tuple[str, int]) -> list[tuple[str, int]]:
        """Make two proxies; return where they listen."""
        return [self._make(name, upstream) for name in _PROXIES]

    def delete_proxies(self) -> None:
        """Take them away."""
        for name in _PROXIES:
            self._call("DELETE", f"/proxies/{name}", None, 204)
        self._toxics.clear()

    def change_one(self, chance: random.Random) -> None:
        """Add a toxic, change one or remove one, or put a proxy off and on."""
        proxy = chance.choice(_PROXIES)
        toxics = self._toxics[proxy]
        if chance.random() < 0.05:
            for enabled in (False, True):
                self._call("POST", f"/proxies/{proxy}", {"enabled": enabled}, 200)
        elif len(toxics) == _MOST or (toxics and chance.random() < 0.4):
            name = toxics.pop(chance.randrange(len(toxics)))
            self._call("DELETE", f"/proxies/{proxy}/toxics/{name}", None, 204)
        elif toxics and chance.random() < 0.2:
            change = {"toxicity": chance.choice((0.0, 0.5, 1.0))}
            self._call("POST", f"/proxies/{proxy}/toxics/{chance.choice(toxics)}", change, 200)
        else:
            self._count += 1
            toxics.append(f"toxic-{self._count}")
            self._call("POST", f"/proxies/{proxy}/toxics", draw_toxic(chance, toxics[-1]), 200)

    def remove_all(self) -> None:
        """Reset everything."""
        self._call("POST", "/reset", None, 204)
        for toxics in self._toxics.values():
            toxics.clear()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _make(self, name: str, upstream: tuple[str, int]) -> tuple[str, int]:
        self._toxics[name] = []
        wish = {"name": name, "listen": "127.0.0.1:0", "upstream": "{}:{}".format(*upstream)}
        host, _, port = json.loads(self._call("POST", "/proxies", wish, 201))["listen"].rpartition(":")
        return host, int(port)

    def _call(self, method: str, path: str, body: object, status: int) -> bytes:
        request = spell(method, path, body)
        return self._timed(f"{method} {path} {body or ''}", lambda: self._http.call(request, status))
