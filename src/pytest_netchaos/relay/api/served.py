"""One proxy of the API: its name, its settings, its toxics, and a port while it has one."""

from __future__ import annotations

from ..chance import mix
from .bodies import Refused
from .live import LiveProxy
from .places import ListenFailed, explain, is_same
from .toxics import read_change, read_new, stable_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loop import Loop
    from .metrics import Metrics
    from .places import Place, Taken
    from .resolver import Resolver
    from .toxics import Toxic


class ServedProxy:
    """A proxy as clients of the API know it.

    Args:
        loop: Where it runs.
        resolver: What looks its upstream up.
        metrics: Where its bytes are counted.
        name: Its name.
        seed: The server's: with the names it decides what toxics draw.
    """

    def __init__(self, loop: Loop, resolver: Resolver, metrics: Metrics, name: str, seed: int) -> None:
        self.name = name
        self.listen = ""
        self.upstream = ""
        self.enabled = False
        #: Its port, kept while it is disabled; ``None`` until it is enabled for the first time.
        self.live: LiveProxy | None = None
        self._toxics: dict[str, Toxic] = {}
        self._loop = loop
        self._resolver = resolver
        self._metrics = metrics
        self._seed = mix(seed, stable_hash(name))

    def show(self) -> dict[str, object]:
        """Return what the API says of it."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": self.show_toxics(),
        }

    # Its settings.

    def is_like(self, place: Place, upstream: str) -> bool:
        """Whether it listens there already, and leads there."""
        return is_same(self.listen, place) and upstream == self.upstream

    def set(self, place: Place, listen: str, upstream: str, *, enabled: bool) -> None:
        """Change it. A change of its port or its upstream ends its connections; its toxics stay.

        Args:
            place: Where it is to listen.
            listen: The same, as the client wrote it.
            upstream: Where it is to lead.
            enabled: Whether it is to accept.

        Raises:
            ListenFailed: The port can't be had. Nothing has changed.
        """
        is_there = self.live is not None and is_same(self.listen, place)
        if enabled and not is_there:
            self._move(place, upstream)
        elif enabled:
            self._stay(upstream)
        else:
            self._rest(upstream, keeps_port=is_there)
        self.listen = self.live.listen if self.live is not None else listen
        self.upstream = upstream
        self.enabled = enabled
        if self.live is not None:
            self.live.counter = self._metrics.counter(self.name, self.listen, upstream)

    def enable(self) -> None:
        """Accept again, at the port that it had.

        Raises:
            ListenFailed: Somebody else has taken it.
        """
        assert self.live is not None
        if not self.enabled:
            self._stay(self.upstream)
            self.enabled = True

    def close(self) -> None:
        """End its connections and give its port back."""
        if self.live is not None:
            self.live.close()
            self.live = None
        self.enabled = False

    def _move(self, place: Place, upstream: str) -> None:
        old = self.live
        live = LiveProxy(self._loop, self._resolver, self.name, self._take(place), upstream)
        for toxic in self._toxics.values():
            live.start(toxic.fault)
        self.live = live
        if old is not None:
            old.close()

    def _take(self, place: Place) -> Taken:
        """Take a port. Its own, at another address, can only be had once it has let go of it."""
        old = self.live
        try:
            return place.take()
        except ListenFailed:
            if old is None or not old.is_open or place.port != old.address[1]:
                raise
        old.shut()
        try:
            return place.take()
        except ListenFailed:
            old.open()
            raise

    def _stay(self, upstream: str) -> None:
        assert self.live is not None
        before = self.live.upstream
        if upstream != before:
            self.live.hang_up()
            self.live.lead_to(upstream)
        if self.live.is_open:
            return
        try:
            self.live.open()
        except OSError as error:
            self.live.lead_to(before)
            raise ListenFailed(explain(self.listen, error)) from None

    def _rest(self, upstream: str, *, keeps_port: bool) -> None:
        if self.live is None:
            return
        if not keeps_port:
            self.close()
            return
        self.live.shut()
        self.live.hang_up()
        self.live.lead_to(upstream)

    # Its toxics.

    def show_toxics(self) -> list[dict[str, object]]:
        """Return what the API says of its toxics: those of the upstream direction come first."""
        return [toxic.show() for toxic in sorted(self._toxics.values(), key=lambda t: t.stream.lower() != "upstream")]

    def toxic(self, name: str) -> Toxic:
        """Return a toxic.

        Raises:
            Refused: There is none of that name.
        """
        if name not in self._toxics:
            raise Refused(404, "toxic not found")
        return self._toxics[name]

    def read_toxic(self, value: object) -> Toxic:
        """Make the toxic that a body describes, for this proxy; it isn't added.

        Raises:
            Refused: It describes none.
        """
        return read_new(value, self._toxics.__contains__, self._seed)

    def add(self, toxic: Toxic) -> None:
        """Put a toxic at the end of its chain, on live connections too."""
        self._toxics[toxic.name] = toxic
        if self.live is not None:
            self.live.start(toxic.fault)

    def change(self, name: str, value: object) -> Toxic:
        """Change a toxic's attributes and toxicity, as a body says, and return it.

        Raises:
            Refused: There is no such toxic, or it can't have them. Nothing has changed.
        """
        toxic = self.toxic(name)
        toxic.attributes, toxic.toxicity = read_change(value, toxic)
        if self.live is not None:
            self.live.update(toxic.fault, toxic.values, toxic.toxicity)
        else:
            toxic.fault.values, toxic.fault.toxicity = toxic.values, toxic.toxicity
        return toxic

    def remove(self, name: str) -> None:
        """Take a toxic away.

        Raises:
            Refused: There is none of that name.
        """
        toxic = self.toxic(name)
        del self._toxics[name]
        if self.live is not None:
            self.live.end(toxic.fault)

    def remove_all(self) -> None:
        """Take every toxic away."""
        for name in list(self._toxics):
            self.remove(name)
