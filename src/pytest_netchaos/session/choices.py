"""Which engine and which Redis a run was asked for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..errors import ServiceError
from ..masking import masked

#: Pinned: a run next year is to be the run of today.
TOXIPROXY_IMAGE = "ghcr.io/shopify/toxiproxy:2.12.0"
REDIS_IMAGE = "redis:7"
TOXIPROXY_PROGRAM = "toxiproxy-server"
REDIS_PROGRAM = "redis-server"

ENGINES = "embedded, docker, docker:IMAGE, toxiproxy, toxiproxy:PROGRAM or http://HOST:PORT"
#: How the embedded relay works: as this system allows, or as it does on others, to try that here.
RELAYS = ("portable", "select")
RELAY_VARIABLE = "NETCHAOS_RELAY"
REDISES = "embedded, docker, docker:IMAGE, local, local:PROGRAM or redis://HOST:PORT/DB"


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind, and which one of that kind."""

    #: ``"embedded"``, ``"docker"``, ``"toxiproxy"`` or ``"local"`` (a program), ``"url"``, or ``"plugin"``.
    kind: str
    #: The image, the program or the URL; empty for the embedded one.
    what: str = ""

    def __str__(self) -> str:
        """Write it as the option takes it, but for a password: this is for terminals and logs."""
        if self.kind == "url":
            return masked(self.what)
        if self.kind == PLUGIN:
            return self.what
        default = self.what in ("", TOXIPROXY_IMAGE, REDIS_IMAGE, TOXIPROXY_PROGRAM, REDIS_PROGRAM)
        return self.kind if default else f"{self.kind}:{self.what}"


#: The kind of an engine that a plugin has brought.
PLUGIN = "plugin"
EMBEDDED = Choice("embedded")


def engine(text: str, plugged: Callable[[], Iterable[str]] = tuple) -> Choice:
    """Understand ``--netchaos-engine``.

    Args:
        text: Its value.
        plugged: Gives the names of the engines that plugins have brought; asked only for a name that isn't ours.

    Raises:
        ValueError: with what is allowed.
    """
    if "://" in text:
        from ..services.toxiproxy.remote import parse  # noqa: PLC0415 - no other choice needs urllib

        parse(text)
        return Choice("url", text)
    ours = {"docker": TOXIPROXY_IMAGE, "toxiproxy": TOXIPROXY_PROGRAM}
    if text == "embedded" or text.partition(":")[0] in ours:
        return _choose(text, ours, ENGINES)
    names = [*plugged()]
    if text in names:
        return Choice(PLUGIN, text)
    theirs = f", or of a plugin: {', '.join(names)}" if names else ""
    raise ValueError(f"one of {ENGINES}{theirs}")


def relay(text: str, *, is_linux: bool) -> str:
    """Understand ``NETCHAOS_RELAY``.

    Args:
        text: Its value; empty where it isn't set.
        is_linux: Whether this system has what the relay uses on Linux.

    Returns:
        ``"linux"``, ``"portable"`` (which polls), or ``"select"`` (as ``"portable"``, with `select` even where there is
        `poll`, as on Windows).

    Raises:
        ValueError: with what is allowed.
    """
    if text and text not in RELAYS:
        raise ValueError(f"{RELAY_VARIABLE} must be {' or '.join(RELAYS)}, or not set, not {text!r}")
    return text or ("linux" if is_linux else "portable")


def redis(text: str) -> Choice:
    """Understand ``--netchaos-redis``.

    Raises:
        ValueError: with what is allowed.
    """
    if "://" in text:
        from ..services.redis_at import RedisAt  # noqa: PLC0415 - no other choice needs it

        try:
            RedisAt(text)
        except ServiceError:
            raise ValueError("a redis:// URL with a host, such as redis://127.0.0.1:6379/0") from None
        return Choice("url", text)
    return _choose(text, {"docker": REDIS_IMAGE, "local": REDIS_PROGRAM}, REDISES)


def _choose(text: str, defaults: dict[str, str], allowed: str) -> Choice:
    kind, colon, what = text.partition(":")
    if text == "embedded":
        return EMBEDDED
    if kind not in defaults or (colon and not what):
        raise ValueError(f"one of {allowed}")
    return Choice(kind, what or defaults[kind])
