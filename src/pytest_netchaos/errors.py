"""What can go wrong, said for the person who reads it."""

from __future__ import annotations

from operator import methodcaller


class NetchaosError(Exception):
    """Base class of every error that pytest-netchaos raises on its own account."""


class EngineDied(NetchaosError):
    """The process that carries the links ended in the middle of a run."""


class EngineError(NetchaosError):
    """The engine refused a command, or did not answer in time."""


class LinkClosed(NetchaosError):
    """A link was used after the end of the test that owned it."""


class PortInUse(NetchaosError):
    """The port that was asked for belongs to somebody else."""


class ServiceError(NetchaosError):
    """A server that a fixture starts did not start, or did not do what it was told."""


class DockerUnavailable(ServiceError):
    """There is no Docker daemon that could be used; the message says what was tried, and what to do."""


class UpstreamError(NetchaosError, ValueError):
    """An upstream that no link can lead to: malformed, or a host that nobody knows."""


class WaitTimeout(NetchaosError, TimeoutError):
    """Something that was waited for did not happen in time."""


#: As a module's ``__tracebackhide__``: pytest leaves its frames out where one of our own errors passes through, so that
#: the traceback ends at the test's line. ``--full-trace`` shows them.
hide_own_errors = methodcaller("errisinstance", NetchaosError)
