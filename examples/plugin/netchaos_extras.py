"""A pytest plugin that brings a profile and an engine of its own.

Installed, it would be named in its ``pyproject.toml``; beside your tests, ``-p netchaos_extras`` or
``pytest_plugins = ["netchaos_extras"]`` in ``conftest.py`` loads it::

    [project.entry-points.pytest11]
    netchaos-extras = "netchaos_extras"

Then there are ``@pytest.mark.flaky_network("head-office-vpn")``, ``--netchaos-profile=head-office-vpn`` and
``--netchaos-engine=audited``. Whatever costs time to import is imported inside the hooks: most runs don't need it.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_netchaos_profiles():
    from pytest_netchaos import Delay, Throttle  # noqa: PLC0415
    from pytest_netchaos.profiles import Profile  # noqa: PLC0415

    return [
        Profile(
            "head-office-vpn",
            (Delay(0.04, jitter=0.01), Throttle(250_000)),
            source="measured by our network team in May",
        )
    ]


@pytest.hookimpl(optionalhook=True)
def pytest_netchaos_engines():
    return {"audited": make_audited_engine}


def make_audited_engine():
    """Make the embedded engine, with a record of who has opened which link."""
    from pytest_netchaos.engines.embedded import EmbeddedEngine  # noqa: PLC0415

    class AuditedEngine:
        """Hands everything on to another engine, as a wrapper does: it is an Engine by what it has, not by its base."""

        name = "audited"

        def __init__(self, inner):
            self._inner = inner
            self.opened = []

        def open(self, name, upstream, host, port, seed, background=()):
            link = self._inner.open(name, upstream, host, port, seed, background)
            self.opened.append(f"{name}: {link.host}:{link.port} to {upstream.name}")
            print(f"audit: link {self.opened[-1]}")
            return link

        def api(self, seed):
            return self._inner.api(seed)

        @property
        def is_alive(self):
            return self._inner.is_alive

        def check(self):
            self._inner.check()

        def stop(self):
            self._inner.stop()

    return AuditedEngine(EmbeddedEngine())
