"""Which endpoint a path is. Pure."""

from __future__ import annotations

from .targets import unescape

#: The methods of each endpoint, and what carries them out; ``*`` is any.
METHODS: dict[str, dict[str, str]] = {
    "version": {"GET": "version"},
    "metrics": {"*": "metrics"},
    "reset": {"POST": "reset"},
    "populate": {"POST": "populate"},
    "proxies": {"GET": "index", "POST": "create"},
    "proxy": {"GET": "show", "POST": "update", "PATCH": "update", "DELETE": "delete"},
    "toxics": {"GET": "toxic_index", "POST": "toxic_create"},
    "toxic": {"GET": "toxic_show", "POST": "toxic_update", "PATCH": "toxic_update", "DELETE": "toxic_delete"},
}
_SINGLE = ("version", "metrics", "reset", "populate", "proxies")


def find(path: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the endpoint of a clean path, and the names in it; ``None`` where there is no such endpoint.

    A name may have an escaped slash in it: it is unescaped after the path was taken apart.
    """
    match [unescape(part) for part in path.split("/")[1:]]:
        case [name] if name in _SINGLE:
            return name, ()
        case ["proxies", proxy] if proxy:
            return "proxy", (proxy,)
        case ["proxies", proxy, "toxics"] if proxy:
            return "toxics", (proxy,)
        case ["proxies", proxy, "toxics", toxic] if proxy and toxic:
            return "toxic", (proxy, toxic)
    return None
