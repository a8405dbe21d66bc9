"""The proxies of one API, by name, and what is done to all of them."""

from __future__ import annotations

from . import bodies
from .addresses import BadAddress, parse_listen
from .bodies import BAD, ProxyInput, Refused
from .places import ListenFailed, Place
from .served import ServedProxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeAlias, TypeVar

    from ..loop import Loop
    from .metrics import Metrics
    from .resolver import Resolver

    #: A place, or why there is none.
    Found: TypeAlias = "Place | Refused"
    #: Work that needs places: yields addresses to listen at, is sent what they are, and returns its result.
    Result = TypeVar("Result")
    Steps: TypeAlias = "Generator[list[str], list[Found], Result]"


class Collection:
    """Every proxy of one API.

    Args:
        loop: Where they run.
        resolver: What looks names up.
        metrics: Where bytes are counted.
        seed: What every random decision is drawn from.
    """

    def __init__(self, loop: Loop, resolver: Resolver, metrics: Metrics, seed: int) -> None:
        self.proxies: dict[str, ServedProxy] = {}
        self._loop = loop
        self._resolver = resolver
        self._metrics = metrics
        self._seed = seed

    def get(self, name: str) -> ServedProxy:
        """Return a proxy.

        Raises:
            Refused: There is none of that name.
        """
        if name not in self.proxies:
            raise Refused(404, "proxy not found")
        return self.proxies[name]

    def show(self) -> dict[str, object]:
        """Return what the API says of them: Go writes a map in the order of its keys."""
        return {name: self.proxies[name].show() for name in sorted(self.proxies)}

    def create(self, value: object) -> Steps[ServedProxy]:
        """Make the proxy that a body describes, and return it.

        Raises:
            Refused: It describes none, its name is taken, or its port can't be had.
        """
        asked = ProxyInput(value).require()
        (found,) = yield [asked.listen or ""]
        if asked.name in self.proxies:
            raise Refused(409, "proxy already exists")
        return self._put(self._make(asked), asked, found)

    def update(self, name: str, value: object) -> Steps[ServedProxy]:
        """Change a proxy as a body says, and return it.

        Raises:
            Refused: There is no such proxy, or it can't be as the body says. Nothing has changed.
        """
        asked = ProxyInput(value)
        if asked.upstream == "":
            raise Refused(400, "missing required field: upstream")
        (found,) = yield [self._listen_of(name, asked)]
        proxy = self.get(name)
        asked.upstream = proxy.upstream if asked.upstream is None else asked.upstream
        asked.enabled = proxy.enabled if asked.enabled is None else asked.enabled
        return self._put(proxy, asked, found)

    def _listen_of(self, name: str, asked: ProxyInput) -> str:
        if asked.listen is None:
            asked.listen = self.get(name).listen
        return asked.listen

    def populate(self, value: object, made: list[ServedProxy], *, with_toxics: bool = False) -> Steps[None]:
        """Make the proxies of a list, one after the other; one that is the same already is left alone.

        Args:
            value: The list, decoded.
            made: Takes each proxy of the list that is done.
            with_toxics: Whether toxics may stand beside a proxy.

        Raises:
            Refused: Something in the list is wrong, and nothing has changed; or a port can't be had, and the proxies
                before that one are made.
        """
        asked = read_list(value)
        found = yield [one.listen or "" for one in asked]
        for number, error in enumerate(found, 1):
            if isinstance(error, Refused) and error.status < 500:  # noqa: PLR2004 - the client's fault, as HTTP has it
                raise Refused(error.status, f"{error.why} at proxy {number}")
        for number, (one, place) in enumerate(zip(asked, found, strict=True), 1):
            try:
                proxy = self._add_or_replace(one, place)
            except Refused as error:
                raise Refused(error.status, f"{error.why} at proxy {number}") from None
            made.append(proxy)
            if with_toxics:
                add_toxics(proxy, one.toxics, f" at proxy {number}")

    def _add_or_replace(self, asked: ProxyInput, found: Found) -> ServedProxy:
        assert asked.name is not None
        assert asked.upstream is not None
        existing = self.proxies.get(asked.name)
        if existing is None:
            return self._put(self._make(asked), asked, found)
        if not isinstance(found, Place) or not existing.is_like(found, asked.upstream):
            self._put(existing, asked, found)
            existing.remove_all()
        return existing

    def _make(self, asked: ProxyInput) -> ServedProxy:
        assert asked.name is not None
        return ServedProxy(self._loop, self._resolver, self._metrics, asked.name, self._seed)

    def _put(self, proxy: ServedProxy, asked: ProxyInput, found: Found) -> ServedProxy:
        """Give a proxy its settings, and a place among the others."""
        assert asked.upstream is not None
        enabled = asked.enabled is not False
        if not isinstance(found, Place):
            if enabled or found.status < 500:  # noqa: PLR2004 - an address that can't be one is wrong in any case
                raise found
            found = Place(0, [])  # not needed yet
        try:
            proxy.set(found, asked.listen or "", asked.upstream, enabled=enabled)
        except ListenFailed as error:
            raise Refused(500, str(error)) from None
        self.proxies[proxy.name] = proxy
        return proxy

    def delete(self, name: str) -> None:
        """Take a proxy away, with its connections.

        Raises:
            Refused: There is none of that name.
        """
        self.get(name).close()
        del self.proxies[name]

    def reset(self) -> Steps[None]:
        """Enable every proxy, and take every toxic away. One that can't be enabled doesn't keep the rest from it.

        Raises:
            Refused: Some couldn't be enabled.
        """
        new = [proxy for proxy in self.proxies.values() if proxy.live is None]
        found = dict(zip((p.name for p in new), (yield [p.listen for p in new]), strict=True))
        failures = []
        for proxy in list(self.proxies.values()):
            proxy.remove_all()
            try:
                self._enable(proxy, found.get(proxy.name))
            except (ListenFailed, Refused) as error:
                failures.append(f"proxy {proxy.name}: {error}")
        if failures:
            raise Refused(500, "; ".join(failures))

    @staticmethod
    def _enable(proxy: ServedProxy, found: Found | None) -> None:
        if proxy.live is not None:
            proxy.enable()
        elif isinstance(found, Place):
            proxy.set(found, proxy.listen, proxy.upstream, enabled=True)
        else:
            raise found or Refused(500, "it was made just now, disabled")

    def close(self) -> None:
        """End every connection and give every port back."""
        for proxy in self.proxies.values():
            proxy.close()
        self.proxies.clear()


def read_list(value: object) -> list[ProxyInput]:
    """Read a list of proxies.

    Raises:
        Refused: It is none, or one of them isn't complete.
    """
    proxies = bodies.items(value, "the list of proxies")
    asked = [ProxyInput(said, f" at proxy {number}") for number, said in enumerate(proxies, 1)]
    for number, one in enumerate(asked, 1):
        one.require(f" at proxy {number}")
    return asked


def add_toxics(proxy: ServedProxy, value: object, where: str) -> None:
    """Put the toxics of a list on a proxy.

    Raises:
        Refused: One of them is none, and says which.
    """
    for number, said in enumerate(bodies.items(value, f"toxics{where}"), 1):
        try:
            toxic = proxy.read_toxic(said)
        except Refused as error:
            raise Refused(error.status, f"{error.why} at toxic {number}{where}") from None
        proxy.add(toxic)


def find_places(
    listens: list[str], look_up: Callable[[str, int, Callable[..., None]], None], then: Callable[[list[Found]], None]
) -> None:
    """Look up where proxies are to listen, all at once, and call ``then`` with every result.

    Args:
        listens: Addresses as clients write them.
        look_up: Calls ``found(addresses, why)`` for a host and a port, at once or later.
        then: Called once.
    """
    results: list[Found | None] = [None] * len(listens)
    missing = len(listens) + 1

    def take(index: int, result: Found | None) -> None:
        nonlocal missing
        missing -= 1
        if result is not None:
            results[index] = result
        if not missing:
            then([found for found in results if found is not None])

    for index, listen in enumerate(listens):
        _find_place(listen, look_up, lambda found, index=index: take(index, found))  # type: ignore[misc]
    take(0, None)


def _find_place(
    listen: str, look_up: Callable[[str, int, Callable[..., None]], None], take: Callable[[Found], None]
) -> None:
    try:
        host, port = parse_listen(listen)
    except BadAddress as error:
        take(Refused(400, f"{BAD}: listen: {error}"))
        return
    if not host:
        take(Place(port, []))
        return
    look_up(
        host,
        port,
        lambda found, why: take(
            Place(port, found) if found else Refused(500, f"listen tcp: lookup {host}: {why.lower()}")
        ),
    )
