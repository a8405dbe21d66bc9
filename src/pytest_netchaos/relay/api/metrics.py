"""Counters for Prometheus, in its text format, with the names that Toxiproxy's have. They are live."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .live import LiveProxy

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_DIRECTIONS = ("downstream", "upstream")
_ESCAPE = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Counter:
    """What one proxy has carried with one listener and one upstream: received and sent, by direction."""

    __slots__ = ("_ended", "_said")

    def __init__(self) -> None:
        self._ended = [0, 0, 0, 0]
        self._said = [0, 0, 0, 0]

    def add(self, received: tuple[int, int], totals: tuple[int, int, int, int]) -> None:
        """Count a connection that is over."""
        self._ended = [had + more for had, more in zip(self._ended, (*received, *totals[:2]), strict=True)]

    def read(self, live: Iterable[tuple[int, int, int, int]]) -> list[int]:
        """Return received and sent, up and down, with what live connections have carried. Never less than before."""
        now = [sum(parts) for parts in zip(self._ended, *live, strict=True)]
        self._said = [max(pair) for pair in zip(now, self._said, strict=True)]
        return self._said


class Metrics:
    """Every counter that there has been. Those of proxies that are gone stay, as Toxiproxy's do.

    Args:
        of_proxies: Count the proxies' bytes.
        of_runtime: Say what the process takes.
    """

    def __init__(self, *, of_proxies: bool, of_runtime: bool) -> None:
        self.of_proxies = of_proxies
        self.of_runtime = of_runtime
        self._counters: dict[tuple[str, str, str], Counter] = {}

    @property
    def is_on(self) -> bool:
        """Whether there is anything to say."""
        return self.of_proxies or self.of_runtime

    def counter(self, proxy: str, listener: str, upstream: str) -> Counter | None:
        """Return where a proxy's bytes are counted."""
        if not self.of_proxies:
            return None
        return self._counters.setdefault((listener, proxy, upstream), Counter())

    def render(self, live: Iterable[LiveProxy]) -> bytes:
        """Write everything."""
        lines = [*(_runtime() if self.of_runtime else ()), *(self._bytes(live) if self.of_proxies else ())]
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")

    def _bytes(self, live: Iterable[LiveProxy]) -> Iterator[str]:
        carried: dict[int, list[tuple[int, int, int, int]]] = {}
        for proxy in live:
            carried[id(proxy.counter)] = [
                (*connection.received(), *connection.totals()[:2])  # type: ignore[union-attr]  # no tap is among them
                for connection in proxy.connections.values()
            ]
        said = [
            (labels, counter.read(carried.get(id(counter), ()))) for labels, counter in sorted(self._counters.items())
        ]
        for what, up in (("received", 0), ("sent", 2)):
            name = f"toxiproxy_proxy_{what}_bytes_total"
            yield f"# HELP {name} "
            yield f"# TYPE {name} counter"
            for direction in _DIRECTIONS:
                for labels, counts in said:
                    yield f"{name}{{{_labels(direction, *labels)}}} {counts[up + (direction == 'downstream')]}"


def _labels(direction: str, listener: str, proxy: str, upstream: str) -> str:
    pairs = (("direction", direction), ("listener", listener), ("proxy", proxy), ("upstream", upstream))
    return ",".join(f'{name}="{text.translate(_ESCAPE)}"' for name, text in pairs)


def _runtime() -> Iterator[str]:
    """Write what the process takes, as far as this system says."""
    import os  # noqa: PLC0415 - few ask for it
    import sys  # noqa: PLC0415
    from time import process_time  # noqa: PLC0415

    version = ".".join(map(str, sys.version_info[:3]))
    yield "# TYPE python_info gauge"
    yield f'python_info{{implementation="{sys.implementation.name}",version="{version}"}} 1'
    yield "# TYPE process_cpu_seconds_total counter"
    yield f"process_cpu_seconds_total {process_time():g}"
    try:
        descriptors = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - pathlib costs 10 ms; one is the listing's
        with open("/proc/self/statm") as file:  # noqa: PTH123
            virtual, resident, *_ = map(int, file.read().split())
    except OSError:  # not Linux
        return
    page = os.sysconf("SC_PAGE_SIZE")
    for name, value in (
        ("open_fds", descriptors),
        ("resident_memory_bytes", resident * page),
        ("virtual_memory_bytes", virtual * page),
    ):
        yield f"# TYPE process_{name} gauge"
        yield f"process_{name} {value}"
