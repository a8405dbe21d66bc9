"""``@pytest.mark.flaky_network(Delay(0.2), links="db", seed=7)``: links that are bad from the start. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .faults import Fault

NAME = "flaky_network"
#: What ``pytest --markers`` shows.
HELP = (
    f"{NAME}(*faults, links=None, seed=None): put every link of the test (or those that are named) under these faults "
    "from the moment it is made, such as Delay(0.2), Throttle(50_000) or Flap(down=0.2, up=1.0). Several add up."
)
#: Seeds are whole numbers below 2^63, so that they fit wherever a run's seed is written down.
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Standing:
    """Faults that are in force on a link for as long as it exists."""

    faults: tuple[Fault, ...]
    #: The names of the links that are hit; ``None`` for all.
    links: tuple[str, ...] | None = None
    #: The seed of the test's network; ``None`` to derive it from the run's.
    seed: int | None = None

    def hits(self, link: str) -> bool:
        """Whether a link of this name is under these faults."""
        return self.links is None or link in self.links


def parse(faults: tuple[object, ...], options: dict[str, object]) -> Standing:
    """Understand a marker's arguments.

    Raises:
        TypeError: something isn't what it has to be, by name and value.
        ValueError: a value isn't allowed.
    """
    unknown = sorted(set(options) - {"links", "seed"})
    if unknown:
        raise TypeError(f"it takes faults, links= and seed=, and no {unknown[0]}={options[unknown[0]]!r}")
    if not faults:
        raise TypeError("it names no fault: give it one, such as Delay(0.2) or Flap()")
    return Standing(tuple(map(_fault, faults)), _links(options.get("links")), _seed(options.get("seed")))


def seed_of(standings: Iterable[Standing]) -> int | None:
    """Return the seed that the nearest marker asks for."""
    return next((standing.seed for standing in standings if standing.seed is not None), None)


def _fault(value: object) -> Fault:
    from .faults import Fault  # noqa: PLC0415 - 10 ms that only a run with a marker has to pay

    if isinstance(value, type) and issubclass(value, Fault):
        raise TypeError(f"{value.__name__} is a class: write {value.__name__}(…)")
    if not isinstance(value, Fault):
        raise TypeError(f"it takes faults such as Delay(0.2), not {value!r}")
    if value.instant:
        raise ValueError(
            f"{value} is over as soon as it has happened, so no test can be under it; "
            f"to repeat it, write Flap(fault={type(value).__name__}())"
        )
    return value


def _links(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise TypeError(f"links must be the name of a link, or a list of names, not {value!r}")
    return tuple(names)


def _seed(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"seed must be a whole number, not {value!r}")
    if not 0 <= value <= LARGEST_SEED:
        raise ValueError(f"seed must be a whole number from 0 to {LARGEST_SEED}, not {value!r}")
    return value
