"""The control channel: commands in, replies and events out.

A command is ``name, request, …``; it is answered by ``ok, request, time`` or ``no, request, why``, after it has been
carried out and after every event that it caused. Events are listed at `Relay.emit`'s callers, and read by
``engines/embedded_link.py``.
"""

from __future__ import annotations

from time import monotonic

from .arguments import number, quote, trigger_of, upstream, upstreams_of, whole, windows_of
from .chance import mix
from .end import End
from .fault import Fault, check
from .loop import ERR, HUP, IN, OUT, RDHUP
from .proxy import Proxy
from .schedule import Schedule
from .watch import SynWatch, may_watch
from .wire import Lines, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812
    from collections.abc import Callable
    from typing import Any

    from .handed import HandedPorts
    from .loop import Loop
    from .marks import Mark
    from .own import OwnPorts

#: Characters of a refusal: it may quote a field of any length.
_LONGEST_REASON = 250


class Relay:
    """Carries out the commands that arrive at a socket, until its other end is closed.

    Args:
        loop: Where it works.
        channel: The socket.
        make_ports: Makes what the listening sockets come from, given `emit`.
        sees_dials: Whether dials to a closed port may be looked for; they are seen where the system allows it.
    """

    def __init__(
        self,
        loop: Loop,
        channel: Socket,
        make_ports: Callable[[Callable[..., None]], HandedPorts | OwnPorts],
        *,
        sees_dials: bool = True,
    ) -> None:
        self._loop = loop
        self._channel = channel
        self._lines = Lines()
        self._end = End("owner")
        self._end.readable = False
        self._ports = make_ports(self.emit)
        self._sees_dials = sees_dials and may_watch()
        self._out = bytearray()
        self._watch = SynWatch(loop, allowed=self._sees_dials)
        self._proxies: dict[int, Proxy] = {}
        self._schedules: dict[tuple[int, int], Schedule] = {}
        self._apis: list[object] = []
        self._commands: dict[str, Callable[..., None]] = {
            "hello": self._hello,
            "link": self._link,
            "tap": self._tap,
            "unlink": self._unlink,
            "gulp": self._gulp,
            "flight": self._flight,
            "fault": self._fault,
            "heal": self._heal,
            "api": self._api,
            "sync": self._sync,
            **self._ports.commands,
        }
        loop.watch(channel.fileno(), self._event, self._end)

    def emit(self, *fields: object) -> None:
        """Send an event. It leaves with the rest of this round's, by `flush`."""
        self._out += encode(*fields)

    def flush(self) -> None:
        """Write what is waiting, as far as the other end takes it."""
        while self._out:
            try:
                del self._out[: self._channel.send(self._out)]
            except BlockingIOError:
                self._end.writable = False
                return
            except OSError:  # nobody listens any more
                self._loop.stop()
                return

    def _event(self, mask: int) -> None:
        if mask & OUT:
            self._end.writable = True
        if mask & (IN | RDHUP | HUP | ERR):
            # After the sockets of this round: what a client has done before a command was given is told before it.
            self._loop.soon(self._read)

    def _read(self) -> None:
        while True:
            try:
                data = self._ports.read(self._channel)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._loop.stop()
                return
            try:
                for command in self._lines.feed(data):
                    self._carry_out(command)
            except ValueError as error:  # it has no end, and so no number that could be answered
                self.emit("no", "", str(error))
            if self._lines.is_between:
                self._ports.close_rest()

    def _carry_out(self, command: list[str]) -> None:
        name, request, *arguments = [*command, ""] if len(command) < 2 else command  # noqa: PLR2004
        try:
            if name not in self._commands:
                raise ValueError(f"no such command: {quote(name)}")  # noqa: TRY301
            self._commands[name](*arguments)
        except (
            ValueError,
            TypeError,
            LookupError,
            OSError,
            ImportError,
        ) as error:  # the last: no descriptor to read with
            self.emit("no", request, f"{type(error).__name__}: {error}"[:_LONGEST_REASON])
        else:
            self.emit("ok", request, monotonic())

    # Commands. Their arguments come as text.

    def _hello(self) -> None:
        """Say whether dials to a closed port can be seen."""
        self.emit("hello", int(self._sees_dials))

    def _link(self, link: str, background: str, *upstreams: str) -> None:
        """Make a link of a listening socket, and of what keeps its port."""
        id_, addresses = self._new(link), upstreams_of(upstreams)
        self._ports.expect("a link", 2)
        listener = self._ports.listener(id_, "front")
        keeper = self._ports.keeper(listener)
        self._proxies[id_] = Proxy(
            self._loop, self._watch, self.emit, id_, listener, keeper, addresses, _hosts(background)
        )

    def _tap(self, link: str, background: str, family: str, host: str, port: str, *upstreams: str) -> None:
        """Make a link through another proxy: as `_link`, with one more socket, where that proxy dials us."""
        from .tap import Tap  # noqa: PLC0415 - most runs need none, and the first byte waits for every import

        id_, between, addresses = self._new(link), upstream(family, host, port), upstreams_of(upstreams)
        self._ports.expect("a tap", 3)
        listener = self._ports.listener(id_, "front")
        keeper = self._ports.keeper(listener)
        try:
            inner = self._ports.listener(id_, "inner")
        except (ValueError, LookupError):
            listener.close()
            keeper.close()
            raise
        self._proxies[id_] = Tap(
            self._loop, self._watch, self.emit, id_, listener, keeper, inner, between, addresses, _hosts(background)
        )

    def _new(self, link: str) -> int:
        id_ = whole("link", link)
        if id_ in self._proxies:
            raise ValueError(f"there is a link {quote(link)} already")
        return id_

    def _gulp(self, link: str, on: str) -> None:
        """Have a tap read on and on while the proxy between its sides is told something, or no more."""
        self._tap_of(link).gulp(on=on == "1")

    def _flight(self, link: str) -> None:
        """Say how many bytes are under way between a tap's two sides."""
        self.emit("flight", monotonic(), link, self._tap_of(link).in_flight())

    def _unlink(self, link: str) -> None:
        """Heal a link, end its connections and give its port back."""
        proxy, id_ = self._proxy(link), whole("link", link)
        del self._proxies[id_]
        proxy.close()  # first: a heal would let clients in for a moment
        for key in [key for key in self._schedules if key[0] == id_]:
            self._schedules[key].cancel()

    def _fault(
        self,
        link: str,
        fault: str,
        seed: str,
        kind: str,
        direction: str,
        toxicity: str,
        values: str,
        *windows: str,
    ) -> None:
        """Put a fault in force, once or on a rhythm; now, or when a trigger comes."""
        proxy = self._proxy(link)
        key = (whole("link", link), whole("fault", fault))
        drawn_from = whole("seed", seed)
        marks: list[Mark | None] = []
        patience = 0.0
        if "replay" in windows:
            from .marks import marks_of  # noqa: PLC0415 - most runs replay nothing, and the first byte waits for imports

            windows, patience, marks = marks_of(windows)
        windows, trigger = trigger_of(windows)
        numbers = tuple(number(f"each value of a {kind}", value) for value in values.split(",")) if values else ()
        if key in self._schedules:
            raise ValueError(f"link {key[0]} has a fault {key[1]} already")
        made = Fault(
            key[1],
            kind,
            windows_of(mix(drawn_from, key[1]), *windows),  # two flaps of one link are not in step
            seed=drawn_from,
            direction=direction,
            toxicity=number("toxicity", toxicity),
            values=numbers,
        )
        if not proxy.only_notes:
            check(kind, numbers)
        elif trigger is not None or marks:
            raise ValueError(f"link {key[0]} is a tap, whose faults have no trigger: others carry them out")
        schedule = self._schedule(proxy, made, key, marks, patience)
        self._schedules[key] = schedule
        try:
            if trigger is None:
                schedule.begin()
            else:
                schedule.arm(trigger)
        except (OSError, ImportError, ValueError):
            schedule.cancel()
            raise

    def _schedule(
        self, proxy: Proxy, fault: Fault, key: tuple[int, int], marks: list[Mark | None], patience: float
    ) -> Schedule:
        if not marks:
            return Schedule(self._loop, self.emit, proxy, fault, lambda: self._forget(key))
        from .replay import Replay  # noqa: PLC0415 - only where something is replayed

        return Replay(self._loop, self.emit, proxy, fault, lambda: self._forget(key), marks, patience)

    def _forget(self, key: tuple[int, int]) -> None:
        self._schedules.pop(key, None)

    def _heal(self, link: str, fault: str) -> None:
        """Take a fault back; harmless when it is over already."""
        if schedule := self._schedules.get((whole("link", link), whole("fault", fault))):
            schedule.cancel()

    def _proxy(self, link: str) -> Proxy:
        id_ = whole("link", link)
        if id_ not in self._proxies:
            raise LookupError(f"there is no link {quote(link)}")
        return self._proxies[id_]

    def _tap_of(self, link: str) -> Any:  # noqa: ANN401 - a Tap, whose module is loaded when there is one
        proxy = self._proxy(link)
        if not proxy.only_notes:
            raise ValueError(f"link {link} is no tap")
        return proxy

    def _api(self, seed: str) -> None:
        """Serve Toxiproxy's HTTP API."""
        from .api.application import Application  # noqa: PLC0415 - most runs need none, and it takes 10 ms
        from .api.metrics import Metrics  # noqa: PLC0415
        from .api.server import Server  # noqa: PLC0415

        drawn_from = whole("seed", seed)
        self._ports.expect("an API", 1)
        listener = self._ports.listener(0, "api")
        application = Application(self._loop, Metrics(of_proxies=False, of_runtime=False), drawn_from)
        self._apis.append(Server(self._loop, listener, application))

    def _sync(self) -> None:
        """Bring the counters up to date; every event until now goes out before the answer."""
        for proxy in self._proxies.values():
            proxy.count_all()


def _hosts(background: str) -> frozenset[str]:
    return frozenset(filter(None, background.split(",")))
