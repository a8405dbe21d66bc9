"""What a request asks for: paths as Go's server and its router read them. Pure."""

from __future__ import annotations

_HEX = frozenset("0123456789abcdefABCDEF")
#: What a path may hold unescaped (RFC 3986, 3.3).
_PLAIN = frozenset("!$&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~")


def parse_target(target: str, method: str) -> tuple[str, str] | None:
    """Return the path and the query of a request's target, as they were sent; ``None`` where it is malformed."""
    if not target or any(c < "!" or c == "\x7f" for c in target):
        return None
    path, _, query = target.partition("?")
    if path.lower().startswith(("http://", "https://")):
        host, slash, rest = path.partition("://")[2].partition("/")
        if not host:
            return None
        path = slash + rest or "/"
    if not path.startswith("/") and path != "*" and method != "CONNECT":
        return None
    return (path, query) if _are_escapes_whole(path) else None


def _are_escapes_whole(path: str) -> bool:
    _, *rest = path.split("%")
    return all(len(part) > 1 and _HEX.issuperset(part[:2]) for part in rest)


def clean(path: str) -> str:
    """Write a path without ``//``, ``.`` and ``..``; a slash at its end stays."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    cleaned = "/" + "/".join(kept)
    return cleaned + "/" if kept and path.endswith("/") else cleaned


def unescape(segment: str) -> str:
    """Return what a %-escaped segment says; invalid UTF-8 is replaced."""
    first, *rest = segment.split("%")
    raw = bytearray(first.encode("utf-8", "surrogateescape"))
    for part in rest:
        raw.append(int(part[:2], 16))
        raw += part[2:].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "replace")


def escape(path: str) -> str:
    """Write a path for a header: what isn't plain ASCII is escaped, what is escaped already stays."""
    said = []
    for char in path:
        if char in _PLAIN and char != "*" or char == "%":  # noqa: RUF021 - reads as it is meant
            said.append(char)
        else:
            said += [f"%{byte:02X}" for byte in char.encode("utf-8", "surrogateescape")]
    return "".join(said)
