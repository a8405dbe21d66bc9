"""What proxies are called: on a server that several runs use, a name says whose a proxy is."""

from __future__ import annotations

import hashlib
import re

from ..docker.owner import Owner
from ..kernel import this_host

_PREFIX = "netchaos"
#: ``netchaos-RUN-WORKER-PID-STARTED-HOST-…``, see `Owner`.
_LABEL = re.compile(rf"{_PREFIX}-(\w+)-(\w+)-(\d{{1,10}})-(\d{{1,20}})-([0-9a-f]{{16}})-.+", re.ASCII)


def label(owner: Owner) -> str:
    """Return what the names of an owner's proxies begin with."""
    said = (owner.run, owner.worker, str(owner.pid), owner.started)
    tidy = (re.sub(r"\W+", "_", word, flags=re.ASCII) or "_" for word in said)
    return "-".join([_PREFIX, *tidy, _digest(owner.host)])


def owner_of(proxy: str) -> Owner | None:
    """Return the owner that a proxy's name names; ``None`` if it isn't one of ours.

    Of a host there is a digest only: the owner's host is empty where it isn't this one.
    """
    found = _LABEL.fullmatch(proxy)
    if found is None:
        return None
    run, worker, pid, started, host = found.groups()
    return Owner(run, worker, int(pid), started, this_host() if host == _digest(this_host()) else "")


def name(beginning: str, number: int, link: str) -> str:
    """Name a link's proxy so that it fits into a URL and a log.

    Args:
        beginning: See `label`.
        number: Counts the owner's proxies.
        link: The link's name.
    """
    tidy = re.sub(r"[^\w.-]+", "-", link, flags=re.ASCII)[:40]
    return f"{beginning}-{number}-{tidy}"


def _digest(host: str) -> str:
    return hashlib.blake2b(host.encode(), digest_size=8).hexdigest()
