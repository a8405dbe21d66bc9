"""Find a Docker daemon that answers, or say what was tried and what to do."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DockerUnavailable, hide_own_errors
from .trouble import explain, system_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

__tracebackhide__ = hide_own_errors

#: Seconds for a daemon to say who it is. It takes 10 ms.
_HELLO_TIMEOUT = 5.0
#: Seconds for a daemon to do what it is told: 0.1 to 2 on an idle machine.
_TIMEOUT = 60.0
_DEFAULT_SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a daemon may be."""

    #: As ``DOCKER_HOST`` would have it.
    url: str
    #: What made us look there: ``"DOCKER_HOST"``.
    because: str
    #: Arguments of ``docker.tls.TLSConfig``: paths of files only; empty without TLS.
    tls: dict[str, Any] = field(default_factory=dict)

    def client(self, timeout: float = _TIMEOUT) -> DockerClient:
        """A client for the daemon there, which it asks for its version. Errors are Docker's."""
        import docker  # noqa: PLC0415 - 0.2 s, for those who use it

        return docker.DockerClient(**self.arguments, timeout=timeout)

    @property
    def arguments(self) -> dict[str, Any]:
        """For the SDK's clients. ``TLSParameterError``, one of Docker's, if there is no such file."""
        from docker.tls import TLSConfig  # noqa: PLC0415

        return {
            "base_url": self.url,
            "version": "auto",
            "tls": TLSConfig(**self.tls) if self.tls else False,
            "use_ssh_client": self.url.startswith("ssh://"),
        }

    @property
    def socket(self) -> Path | None:
        """The path of its Unix socket, if it has one."""
        scheme, _, path = self.url.partition("://")
        return Path("/" + path.lstrip("/")) if scheme in {"unix", "http+unix"} else None


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that answers."""

    place: Place
    client: DockerClient
    #: What it says about itself: the reply to ``GET /info``.
    info: dict[str, Any]


def find(environ: Mapping[str, str] = os.environ, timeout: float = _HELLO_TIMEOUT) -> Daemon:
    """The daemon that the ``docker`` command would use; without its settings, also a rootless one or Docker Desktop's.

    Args:
        environ: The environment.
        timeout: Seconds for each place to answer; only one is asked if the environment or a context names it.

    Raises:
        DockerUnavailable: There is none; says each thing that was tried, and what to do.
    """
    _require_package()
    failures = []
    for place in places(environ):
        problem = _unreachable(place, timeout)
        if problem is None:
            daemon = _greet(place, timeout)
            if isinstance(daemon, Daemon):
                return daemon
            problem = daemon
        failures.append(f"  {place.url} ({place.because}): {problem}")
    raise DockerUnavailable("no Docker daemon can be used. Tried:\n" + "\n".join(failures))


def places(environ: Mapping[str, str]) -> Iterator[Place]:
    """Where to look, in this order. What the environment or a Docker context names is the only place."""
    if environ.get("DOCKER_HOST"):
        yield Place(environ["DOCKER_HOST"], "DOCKER_HOST", _tls(environ))
        return
    named = _context(environ.get("DOCKER_CONTEXT"))
    if named is not None:
        yield named
        return
    yield Place(_DEFAULT_SOCKET, "the default socket")
    runtime = environ.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Place(f"unix://{runtime}/docker.sock", "rootless, in XDG_RUNTIME_DIR")
    for path in (".docker/run/docker.sock", ".docker/desktop/docker.sock"):
        if (Path.home() / path).exists():
            yield Place(f"unix://{Path.home() / path}", "Docker Desktop")


def _require_package() -> None:
    try:
        import docker  # noqa: F401, PLC0415
    except ImportError as error:
        raise DockerUnavailable(
            f"the Python package 'docker' can't be imported ({error}): pip install 'pytest-netchaos[docker]'"
        ) from None


def _tls(environ: Mapping[str, str]) -> dict[str, Any]:
    """As ``docker.utils.kwargs_from_env``, with paths in place of an object: it is handed on to another process."""
    verify, path = bool(environ.get("DOCKER_TLS_VERIFY")), environ.get("DOCKER_CERT_PATH")
    if not (verify or path):
        return {}
    home = Path(path) if path else Path.home() / ".docker"
    return {
        "client_cert": (str(home / "cert.pem"), str(home / "key.pem")),
        "ca_cert": str(home / "ca.pem"),
        "verify": verify,
    }


def _context(name: str | None) -> Place | None:
    """The place that the current Docker context names; ``None`` if that is the default one."""
    from docker.context import ContextAPI  # noqa: PLC0415

    try:
        context = ContextAPI.get_context(name)
    except Exception as error:  # noqa: BLE001 - a plain one, where a context's file is broken
        raise DockerUnavailable(f"the Docker context {name or ''!r} can't be read: {explain(error)}") from None
    if context is None:
        raise DockerUnavailable(
            f"there is no Docker context {name or 'of the name that is set as current'!r}: "
            "`docker context ls` lists them; DOCKER_CONTEXT, or `docker context use`, chooses one"
        )
    if context.Name == "default" or not context.Host:
        return None
    tls = context.TLSConfig
    material = {"client_cert": tls.cert, "ca_cert": tls.ca_cert, "verify": tls.verify} if tls else {}
    return Place(context.Host, f"the Docker context {context.Name!r}", material)


def _unreachable(place: Place, timeout: float) -> str | None:
    """Why its Unix socket can't be dialled; ``None`` if it can, or is none. Sooner and clearer than through layers."""
    if place.socket is None:
        return None
    with socket.socket(socket.AF_UNIX) as dial:
        dial.settimeout(timeout)
        try:
            dial.connect(str(place.socket))
        except OSError as error:
            return _advice(error, place)
    return None


def _greet(place: Place, timeout: float) -> Daemon | str:
    """The daemon, or why there is none."""
    from docker.errors import DockerException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        hello = place.client(timeout)
        try:
            info = hello.info()
        finally:
            hello.close()
        return Daemon(place, place.client(), info)
    except (DockerException, RequestException, OSError) as error:
        return _advice(error, place)


def _advice(error: BaseException, place: Place) -> str:
    """What is wrong, and what to do."""
    inner = system_error(error)
    text = str(error).lower()
    if isinstance(inner, TimeoutError) or "timed out" in text:
        return "it accepts, but does not answer: a daemon that hangs? `docker version` should answer in a moment"
    if isinstance(inner, FileNotFoundError) and place.socket:
        return "no such socket: is Docker installed and running (`systemctl start docker`)? Else set DOCKER_HOST"
    if isinstance(inner, PermissionError):
        return (
            "permission denied: add yourself to the group that owns the socket "
            "(`sudo usermod -aG docker $USER`, then log in again), or use rootless Docker"
        )
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused: nobody listens there. Is the daemon running (`systemctl start docker`)?"
    if "ssl" in text or "tls" in text or "certificate" in text or "http request to an https server" in text:
        return (
            f"TLS failed ({explain(error)}): DOCKER_TLS_VERIFY and DOCKER_CERT_PATH must fit the daemon; "
            "the latter is a directory with ca.pem, cert.pem and key.pem"
        )
    return f"{explain(error)}: does `docker version` work here?"
