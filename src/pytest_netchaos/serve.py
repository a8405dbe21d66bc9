"""``python -m pytest_netchaos serve``: in the place of ``toxiproxy-server``, with its options and its configuration."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import errno
import secrets
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from .engines.relay_process import relay_kind
from .errors import EngineError
from .relay import log, loops
from .relay.api.addresses import BadAddress, parse
from .relay.api.application import VERSION
from .relay.api.places import explain
from .relay.api.resolver import numeric
from .relay.api.standalone import BadConfig, Standalone
from .relay.loop import Loop

#: Where the API is, as everywhere: clients look for it there.
_HOST, _PORT = "127.0.0.1", "8474"


class ServeFailed(Exception):
    """It can't serve, and why, in words for whoever has started it."""


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal ends it.

    Args:
        arguments: The command line, without the program.

    Returns:
        The exit code: 0 after SIGTERM or SIGINT, 1 where it can't serve, with the reason on stderr.
    """
    options = _parser().parse_args(arguments)
    if options.version:
        log.put(sys.stdout, f"pytest-netchaos serve, with the API of toxiproxy-server version {VERSION}\n")
        return 0
    try:
        _serve(options)
    except ServeFailed as error:
        log.put(sys.stderr, f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m pytest_netchaos", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="serve")
    serve = commands.add_parser(
        "serve",
        help="serve Toxiproxy's HTTP API from the embedded relay",
        description="Serve Toxiproxy's HTTP API from the embedded relay, in the place of toxiproxy-server.",
        epilog="Toxiproxy's own spellings work too: -host, -port, -config, -seed, -proxy-metrics, -runtime-metrics.",
        allow_abbrev=False,
    )
    serve.add_argument("--listen", metavar="HOST:PORT", help=f"where the API listens (default: {_HOST}:{_PORT})")
    serve.add_argument("-host", "--host", help=argparse.SUPPRESS)
    serve.add_argument("-port", "--port", help=argparse.SUPPRESS)
    serve.add_argument("-config", "--config", metavar="FILE", help="a JSON list of the proxies to begin with")
    serve.add_argument(
        "-seed", "--seed", type=int, metavar="N", help="draw every random decision from this (default: another one)"
    )
    _add_flag(serve, "proxy-metrics", "count bytes, at /metrics")
    _add_flag(serve, "runtime-metrics", "the process, at /metrics")
    _add_flag(serve, "version", "say the version, and end")
    return parser


def _add_flag(parser: argparse.ArgumentParser, name: str, says: str) -> None:
    """Add an option that may have a value, as Go's flags may: ``-proxy-metrics=false``."""
    parser.add_argument(f"-{name}", f"--{name}", nargs="?", const=True, default=False, type=_truth, help=says)


def _truth(said: str) -> bool:
    if said.lower() not in ("true", "false", "t", "f", "1", "0"):
        raise argparse.ArgumentTypeError(f"true or false, not {said!r}")
    return said.lower() in ("true", "t", "1")


def _serve(options: argparse.Namespace) -> None:
    _raise_limit()
    seed = secrets.randbits(63) if options.seed is None else options.seed
    with _listen(_where(options)) as listener:
        host, port = listener.getsockname()[:2]
        server = Standalone(
            _loop(), listener, seed, proxy_metrics=options.proxy_metrics, runtime_metrics=options.runtime_metrics
        )
        count = _configure(server, options.config) if options.config else 0
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        said = f"listening on {where}, with {count} {'proxy' if count == 1 else 'proxies'}; seed {seed}\n"
        server.run(lambda: log.put(sys.stdout, said))


def _loop() -> Loop:
    try:
        return loops.make(relay_kind())
    except EngineError as error:
        raise ServeFailed(str(error)) from None


def _where(options: argparse.Namespace) -> str:
    if options.listen and (options.host or options.port):
        raise ServeFailed("--listen says both, -host and -port: give either")
    if options.listen:
        return str(options.listen)
    host = options.host or _HOST
    return f"[{host}]:{options.port or _PORT}" if ":" in host else f"{host}:{options.port or _PORT}"


def _listen(where: str) -> socket.socket:
    try:
        host, port = parse(where)
    except BadAddress as error:
        raise ServeFailed(f"--listen {where!r}: {error}; it takes HOST:PORT") from None
    try:
        found = numeric(host, port) if host else [(socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104 - asked for
        family, address = found[0] if found else _look_up(host, port)
    except (socket.gaierror, UnicodeError) as error:
        raise ServeFailed(f"the host {host!r} can't be looked up: {error}") from None
    try:
        listener = socket.socket(family)
        try:
            if sys.platform != "win32":  # where it would let anybody take the port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        hint = "end what listens there, or choose another port with --listen HOST:PORT (port 0 takes a free one)"
        raise ServeFailed(explain(where, error) + (f"; {hint}" if error.errno == errno.EADDRINUSE else "")) from None
    return listener


def _look_up(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return family, address


def _configure(server: Standalone, name: str) -> int:
    try:
        return server.configure(Path(name).read_bytes().removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise ServeFailed(f"{name}: can't be read: {error.strerror}") from None
    except BadConfig as error:
        raise ServeFailed(f"{name}: {error}") from None


def _raise_limit() -> None:
    """Have as many descriptors as we may: the usual 1024 are 500 connections, a socket for each side."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not everywhere, or forbidden by a sandbox
        import resource  # noqa: PLC0415 - Windows has none

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
