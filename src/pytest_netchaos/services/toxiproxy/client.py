"""toxiproxy-python's client, bound to the Toxiproxy API that an engine has."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...errors import EngineError, ServiceError, hide_own_errors
from .api import Api
from .names import owner_of

if TYPE_CHECKING:
    from toxiproxy import Toxiproxy

__tracebackhide__ = hide_own_errors


@contextlib.contextmanager
def bound_client(
    host: str, port: int, *, is_shared: bool, check: Callable[[], None] = lambda: None
) -> Iterator[Toxiproxy]:
    """Give a client of the API at ``host`` and ``port``; delete the proxies that were made meanwhile.

    The library keeps its server's address in class attributes: so every other client of this process, one in the code
    under test, say, uses that server too, until the end.

    Args:
        host: Where the API listens.
        port: The port.
        is_shared: Others use the server too: only what this client has made is deleted. What it did to proxies of
            others stays as it is.
        check: Raises what is known of a server that doesn't answer in the end.

    Raises:
        ServiceError: toxiproxy-python isn't installed.
        EngineError: Nobody answers there.
    """
    client_class, consumer = _library()
    with contextlib.closing(Api(host, port)) as api:
        others = set(api.proxies())
        made: list[str] = []
        before = consumer.host, consumer.port
        consumer.host, consumer.port = f"[{host}]" if ":" in host else host, port
        try:
            with _past_proxies(host):
                yield _remembering(client_class, made.append)()
        finally:
            consumer.host, consumer.port = before
            try:
                for name in made if is_shared else api.proxies():
                    if name not in others and owner_of(name) is None:  # the proxies of links are not the client's
                        api.delete(name)
            except EngineError:
                check()
                raise


@contextlib.contextmanager
def _past_proxies(host: str) -> Iterator[None]:
    """Have the library dial ``host`` itself, whatever HTTP_PROXY says: nobody else finds a loopback address."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ.update({name: ",".join(filter(None, (value, host))) for name, value in before.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _remembering(client_class: type[Toxiproxy], remember: Callable[[str], None]) -> type[Toxiproxy]:
    class Client(client_class):  # type: ignore[misc]  # the library has no types
        """toxiproxy-python's client, which remembers what it has made."""

        def create(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the library has it
            proxy = super().create(*arguments, **named)
            remember(proxy.name)
            return proxy

    return Client


def _library() -> tuple[type[Toxiproxy], Any]:
    try:
        from toxiproxy import Toxiproxy  # noqa: PLC0415 - 0.2 s, only for those who use it
        from toxiproxy.api import APIConsumer  # noqa: PLC0415
    except ImportError as error:
        raise ServiceError(
            f"the fixture `toxiproxy` is toxiproxy-python's client, and there is none ({error}): "
            "pip install 'pytest-netchaos[toxiproxy]'"
        ) from None
    return Toxiproxy, APIConsumer
