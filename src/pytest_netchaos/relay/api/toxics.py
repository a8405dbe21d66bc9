"""Toxiproxy's toxics as the API has them: names, attributes, ranges; and the faults that they are. Pure."""

from __future__ import annotations

from struct import pack, unpack

from ..chance import mix
from ..fault import DOWN, UP, Fault
from ..rhythm import once
from . import bodies
from .bodies import BAD, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: The longest time in seconds, 31 years: what a system call takes, and no timer overflows at.
FOREVER = 1e9
_MASK = (1 << 64) - 1


def _seconds(count: int, unit: float) -> float:
    return min(count * unit, FOREVER)


def _no_values(_: dict[str, int]) -> tuple[float, ...]:
    return ()


#: Each type's attributes, in order; and what they mean in seconds, bytes, and bytes per second.
TYPES: dict[str, tuple[tuple[str, ...], Callable[[dict[str, int]], tuple[float, ...]]]] = {
    "bandwidth": (("rate",), lambda a: (a["rate"] * 1e3,)),
    "latency": (("latency", "jitter"), lambda a: (_seconds(a["latency"], 1e-3), _seconds(a["jitter"], 1e-3))),
    "limit_data": (("bytes",), lambda a: (float(a["bytes"]),)),
    "noop": ((), _no_values),
    "reset_peer": (("timeout",), lambda a: (_seconds(a["timeout"], 1e-3),)),
    "slicer": (
        ("average_size", "size_variation", "delay"),
        lambda a: (float(a["average_size"]), float(a["size_variation"]), _seconds(a["delay"], 1e-6)),
    ),
    "slow_close": (("delay",), lambda a: (_seconds(a["delay"], 1e-3),)),
    "timeout": (("timeout",), lambda a: (_seconds(a["timeout"], 1e-3),)),
}


def stable_hash(name: str) -> int:
    """Hash a name to 64 bits, the same in every run (FNV-1a: Fowler, Noll and Vo)."""
    state = 0xCBF29CE484222325
    for byte in name.encode("utf-8", "surrogatepass"):
        state = ((state ^ byte) * 0x100000001B3) & _MASK
    return state


class Toxic:
    """One toxic of one proxy.

    Args:
        name: Its name; unique on the proxy.
        type_: One of ``TYPES``.
        stream: Its direction, spelled as the client did.
        toxicity: The share of connections that it is on.
        attributes: Its attributes, all of them.
        seed: The proxy's: with the toxic's name it decides what is drawn.
    """

    __slots__ = ("attributes", "fault", "name", "stream", "toxicity", "type")

    def __init__(
        self, name: str, type_: str, stream: str, toxicity: float, attributes: dict[str, int], seed: int
    ) -> None:
        self.name = name
        self.type = type_
        self.stream = stream
        self.toxicity = toxicity
        self.attributes = attributes
        self.fault = Fault(
            mix(stable_hash(name)),
            type_,
            once(),
            seed=seed,
            direction=stream.lower(),
            toxicity=toxicity,
            values=self.values,
        )

    @property
    def values(self) -> tuple[float, ...]:
        """Its numbers, as a fault has them."""
        return TYPES[self.type][1](self.attributes)

    def show(self) -> dict[str, object]:
        """Return what the API says of it."""
        share = self.toxicity
        return {
            "attributes": dict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": int(share) if share == int(share) else share,
        }


def read_new(value: object, is_taken: Callable[[str], bool], seed: int) -> Toxic:
    """Make the toxic that a body describes.

    Args:
        value: The body, decoded.
        is_taken: Whether the proxy has a toxic of that name.
        seed: The proxy's.

    Raises:
        Refused: It describes none, or a name that is taken.
    """
    said = {"name": "", "type": "", "stream": DOWN}
    toxicity = 1.0
    attributes: list[object] = []
    for key, item in bodies.members(value, "a toxic"):
        if key in said:
            said[key] = bodies.string(item, key)
        elif key == "toxicity":
            toxicity = _share(item)
        elif key == "attributes":
            attributes.append(item)
            list(bodies.members(item, key))
    if said["stream"].lower() not in (UP, DOWN):
        raise Refused(400, "stream was invalid, can be either upstream or downstream")
    if said["type"] not in TYPES:
        raise Refused(400, "invalid toxic type")
    name = said["name"] or f"{said['type']}_{said['stream']}"
    if is_taken(name):
        raise Refused(409, "toxic already exists")
    numbers = merge(said["type"], dict.fromkeys(TYPES[said["type"]][0], 0), attributes)
    check(said["type"], numbers)
    return Toxic(name, said["type"], said["stream"], toxicity, numbers, seed)


def read_change(value: object, toxic: Toxic) -> tuple[dict[str, int], float]:
    """Return the attributes and the toxicity that a toxic is to have; it isn't changed.

    Raises:
        Refused: It can't have them.
    """
    toxicity = toxic.toxicity
    attributes: list[object] = []
    for key, item in bodies.members(value, "a toxic"):
        if key == "toxicity":
            toxicity = _share(item)
        elif key == "attributes":
            attributes.append(item)
    numbers = merge(toxic.type, toxic.attributes, attributes)
    check(toxic.type, numbers)
    return numbers, toxicity


def merge(type_: str, numbers: dict[str, int], said: list[object]) -> dict[str, int]:
    """Return attributes with those that bodies name changed; unknown ones are ignored.

    Raises:
        Refused: One is no integer.
    """
    merged = dict(numbers)
    for attributes in said:
        for key, item in bodies.members(attributes, "attributes"):
            if key in TYPES[type_][0]:
                merged[key] = bodies.integer(item, f"attributes.{key}")
    return merged


def check(type_: str, numbers: dict[str, int]) -> None:
    """Refuse what no network does.

    Raises:
        Refused: A value is out of its range. Toxiproxy takes any, and some end its process.
    """
    for key, count in numbers.items():
        if count < 0:
            raise Refused(400, f"{BAD}: attributes.{key} must not be negative, and is {count}")
    if type_ == "slicer":
        size, variation = numbers["average_size"], numbers["size_variation"]
        if size < 1:
            raise Refused(400, f"{BAD}: attributes.average_size must be at least 1, and is {size}")
        if variation >= size:
            raise Refused(
                400, f"{BAD}: attributes.size_variation must be less than average_size ({size}), and is {variation}"
            )


def _share(item: object) -> float:
    """Read a toxicity with the precision that Toxiproxy keeps, 32 bits; shown with as few digits as that takes."""
    share = bodies.number(item, "toxicity")
    if not 0 <= share <= 1:
        raise Refused(400, f"{BAD}: toxicity must be between 0 and 1, not {item}")
    (short,) = unpack("f", pack("f", share))
    return next(
        said for digits in range(1, 10) if unpack("f", pack("f", said := float(f"{short:.{digits}g}"))) == (short,)
    )
