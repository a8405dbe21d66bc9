"""When a fault is in force: windows of time, relative to its start. Pure."""

from __future__ import annotations

from .chance import draw

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

FOREVER = float("inf")


def once(seconds: float = FOREVER) -> Iterator[tuple[float, float]]:
    """Yield the one window of a fault that lasts ``seconds``."""
    yield 0.0, seconds


def flap(
    seed: int, down: tuple[float, float], up: tuple[float, float], cycles: int | None
) -> Iterator[tuple[float, float]]:
    """Yield the windows in which a flapping fault is in force; endlessly where ``cycles`` is ``None``.

    Args:
        seed: The length of each stretch is a function of it and of the cycle's number.
        down: The shortest and longest time in force, in seconds.
        up: The shortest and longest time of peace, in seconds.
        cycles: How many windows there are.
    """
    start, cycle = 0.0, 0
    while cycles is None or cycle < cycles:
        end = start + _between(down, draw(seed, cycle, 0))
        yield start, end
        start = end + _between(up, draw(seed, cycle, 1))
        cycle += 1


def _between(span: tuple[float, float], share: float) -> float:
    shortest, longest = span
    return shortest + (longest - shortest) * share
