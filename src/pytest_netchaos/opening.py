"""A network outside of a fixture."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from .errors import NetchaosError, hide_own_errors
from .masking import masked
from .network import TIMEOUT, Network
from .options import Settings
from .session import choices
from .session.resources import Resources

__tracebackhide__ = hide_own_errors


@contextlib.contextmanager
def open_network(seed: int = 0, timeout: float = TIMEOUT, *, engine: str = "embedded") -> Iterator[Network]:
    """Open a network outside of a fixture: for scripts, and for tests under Hypothesis's ``@given``.

    Args:
        seed: What every random decision in it is drawn from.
        timeout: Seconds that waiting methods wait by default.
        engine: What carries the links, as ``--netchaos-engine`` has it. A Toxiproxy takes 0.05 s to start, and 0.7 in a
            container.

    Raises:
        ValueError: There is no such engine.
        NetchaosError: It can't be started.
        EngineDied: It died meanwhile.
    """
    try:
        choice = choices.engine(engine)
    except ValueError as error:
        raise ValueError(f"engine must be {error}, not {masked(engine)!r}") from None
    settings = Settings(seed, timeout, choice)
    resources = Resources(settings, os.urandom(6).hex(), "main", lambda _: None)
    try:
        resources.engine()
        with _closing(Network(resources.engine, seed, timeout, docker=resources.docker)) as network:
            yield network
    finally:
        resources.close()


@contextlib.contextmanager
def _closing(network: Network) -> Iterator[Network]:
    """Close a network after its test: also after a failure, which is to be heard rather than what it leads to."""
    try:
        yield network
    except BaseException:
        with contextlib.suppress(NetchaosError):
            network.close(passed=False)
        raise
    network.close()
