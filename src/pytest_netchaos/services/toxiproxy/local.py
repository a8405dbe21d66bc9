"""A ``toxiproxy-server`` from the PATH, in a process of its own."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import EngineError, ServiceError, hide_own_errors
from ..docker.route import WayBack
from ..process import GuardedProcess
from ..site import Site
from .api import Api, NotToxiproxy
from .server import Seat, local_seat

if TYPE_CHECKING:
    import os

__tracebackhide__ = hide_own_errors

HOST = "127.0.0.1"
PROGRAM = "toxiproxy-server"
#: Seconds for the first answer; it takes some 20 ms.
_READY = 20.0
#: Seconds between two looks at a server that starts: nothing tells other processes that it listens now.
_LOOK_AGAIN = 0.001


class LocalToxiproxy:
    """Runs a Toxiproxy that ends when this process ends, however it ends.

    Args:
        program: A path, or a name to be found on the PATH.

    Raises:
        ServiceError: There is no such program, or it doesn't start; with its log.
    """

    name = "toxiproxy"
    is_shared = False
    way_back = WayBack(HOST, HOST)

    def __init__(self, program: str | os.PathLike[str] = PROGRAM) -> None:
        found = shutil.which(program)
        if found is None:
            raise ServiceError(
                f"there is no program {program!r} on the PATH: install Toxiproxy (a release binary, or "
                f"`go install github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0`, under the name {PROGRAM}), or "
                "choose another engine: --netchaos-engine=embedded needs nothing, docker runs it in a container"
            )
        self._site = Site(HOST, 0, "toxiproxy")
        try:
            self._process = self._site.start(lambda address: _launch(found, address, self._site.home))
        except BaseException:
            self._site.close()
            raise
        assert self._site.address is not None
        self._api = Api(*self._site.address)

    def __repr__(self) -> str:
        """Say which process it is."""
        return f"<toxiproxy-server at {self._api.where}, process {self._process.pid}>"

    @property
    def api(self) -> Api:
        """Its API."""
        return self._api

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def seat(self) -> Seat:
        """Find a place for one more proxy: any free port of the loopback."""
        return local_seat(self._api)

    @property
    def is_alive(self) -> bool:
        """Whether its process is there."""
        return self._process.is_running

    def obituary(self) -> str:
        """Say how it ended, and what it logged last."""
        return str(self._process.failure("ended in the middle of the run"))

    def stop(self) -> None:
        """End it."""
        self._api.close()
        self._process.close()
        self._site.close()


def _launch(program: str, address: tuple[str, int], home: Path) -> GuardedProcess:
    host, port = address
    process = GuardedProcess(
        [program, "-host", host, "-port", str(port)], log=home / "toxiproxy.log", cwd=home, litter=home
    )
    api = Api(host, port)
    try:
        _await_ready(process, api)
    except BaseException:
        process.close()
        raise
    finally:
        api.close()
    return process


def _await_ready(process: GuardedProcess, api: Api) -> None:
    deadline = time.monotonic() + _READY
    while True:
        try:
            api.version()
        except NotToxiproxy as error:
            raise process.failure(f"is no Toxiproxy that will do ({error})") from None
        except EngineError as error:  # not yet, unless it has ended
            if process.wait(_LOOK_AGAIN) is not None:
                raise process.failure("did not start") from None
            if time.monotonic() > deadline:
                raise process.failure(f"is not ready after {_READY:g} s ({error})") from None
        else:
            return
