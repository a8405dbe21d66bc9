"""The hooks by which other plugins, and ``conftest.py`` files, bring their own profiles and engines.

Write them with ``@pytest.hookimpl(optionalhook=True)``: so your plugin works where this one is off
(``-p no:netchaos``). There is no hook for faults: what isn't one of ours would need a relay that knows it, which is an
engine; and several of ours under one name are a profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engines.base import Engine
    from .profiles import Profile


def pytest_netchaos_profiles() -> Iterable[Profile]:  # type: ignore[empty-body]
    """Return profiles: faults under one name, for markers and ``--netchaos-profile``.

    ::

        @pytest.hookimpl(optionalhook=True)
        def pytest_netchaos_profiles():
            from pytest_netchaos.profiles import Profile
            return [Profile("our-vpn", (Delay(0.08, jitter=0.02),), source="measured in May")]

    Called at most once in each process, and only in runs that name a profile. A name that is taken ends the run.
    """


def pytest_netchaos_engines() -> Mapping[str, Callable[[], Engine]]:  # type: ignore[empty-body]
    """Return engines: what makes each, by the name that ``--netchaos-engine`` is to know it under.

    An `Engine` has to do what `engines.base` says. What makes it is called when a test makes the first link, and again
    when the engine is no longer alive; `NetchaosError` is what it may raise.

    Called only in runs whose ``--netchaos-engine`` is none of ours.
    """
