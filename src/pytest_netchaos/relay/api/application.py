"""Requests to responses: what each endpoint does. It never waits; what takes time answers later."""

from __future__ import annotations

from time import time

from .. import log
from . import bodies
from .bodies import Refused
from .collection import Collection, find_places
from .metrics import CONTENT_TYPE
from .resolver import Resolver
from .responses import JSON, Response, text
from .routes import METHODS, find
from .targets import clean, escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..loop import Loop
    from .collection import Found, Result, Steps
    from .http import Request
    from .metrics import Metrics
    from .served import ServedProxy

#: The Toxiproxy whose API this is: clients ask for it before they use what old ones haven't.
VERSION = "2.12.0"
_BROWSER = b"Mozilla/"


class Application:
    """Answers the requests of one API.

    Args:
        loop: Where its proxies run.
        metrics: What ``/metrics`` says.
        seed: What the proxies' random decisions are drawn from.
    """

    def __init__(self, loop: Loop, metrics: Metrics, seed: int) -> None:
        self.metrics = metrics
        self.resolver = Resolver(loop)
        self.collection = Collection(loop, self.resolver, metrics, seed)
        self._started = f"{int(time() * 1000) & 0xFFFFFFFFFFFF:012x}"
        self._requests = 0

    def close(self) -> None:
        """End every proxy."""
        self.collection.close()
        self.resolver.close()

    def answer(self, request: Request, respond: Callable[[Response], None]) -> None:
        """Carry a request out and call ``respond`` once, now or later."""
        if request.method == "OPTIONS" and request.path == "*":
            respond(Response(200))
            return
        if (cleaned := clean(request.path)) != request.path:
            respond(_redirect(cleaned, request.query))
            return
        endpoint = find(cleaned)
        if endpoint is None or (endpoint[0] == "metrics" and not self.metrics.is_on):
            respond(text(404, "404 page not found"))
            return
        methods = METHODS[endpoint[0]]
        name = methods.get(request.method) or methods.get("*")
        if name is None:
            respond(Response(405))
            return
        said = self._identify(respond)
        if request.headers.get(b"user-agent", b"").startswith(_BROWSER):
            said(text(403, "User agent not allowed"))
            return
        self._carry_out(getattr(self, f"_{name}"), (request, *endpoint[1]), said)

    def _identify(self, respond: Callable[[Response], None]) -> Callable[[Response], None]:
        """Give the response the request's id."""
        self._requests += 1
        header = ("X-Toxiproxy-Request-Id", f"{self._started}{self._requests & 0xFFFFFFFF:08x}")

        def send(response: Response) -> None:
            response.headers = (*response.headers, header)
            respond(response)

        return send

    def _carry_out(
        self,
        handler: Callable[..., Response | Steps[Response]],
        said: tuple[object, ...],
        respond: Callable[[Response], None],
    ) -> None:
        try:
            response = handler(*said)
        except Exception as error:  # noqa: BLE001 - whatever it is, the process goes on and the client is told
            response = _failure(error)
        if isinstance(response, Response):
            respond(response)
        else:
            self.run(response, respond, lambda error: respond(_failure(error)))

    def run(
        self, steps: Steps[Result], done: Callable[[Result], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Carry out work that has to look names up; call ``done`` with its result, or ``failed``, now or later."""

        def go_on(found: list[Found] | None) -> None:
            try:
                listens = steps.send(found)  # type: ignore[arg-type]  # None starts it
            except StopIteration as end:
                done(end.value)
            except Exception as error:  # noqa: BLE001 - whatever it is, the process goes on and the client is told
                failed(error)
            else:
                find_places(listens, self.resolver.look_up, go_on)

        go_on(None)

    # Endpoints.

    def _version(self, _: Request) -> Response:
        body = f'{{"version": "{VERSION}"}}\n'.encode()
        return Response(200, body, (("Content-Type", "application/json;charset=utf-8"),))

    def _metrics(self, _: Request) -> Response:
        live = [proxy.live for proxy in self.collection.proxies.values() if proxy.live is not None]
        return Response(200, self.metrics.render(live), (("Content-Type", CONTENT_TYPE),))

    def _reset(self, _: Request) -> Steps[Response]:
        yield from self.collection.reset()
        return Response(204)

    def _populate(self, request: Request) -> Steps[Response]:
        made: list[ServedProxy] = []
        try:
            yield from self.collection.populate(bodies.decode(request.body), made)
        except Refused as error:
            return _json(error.status, {"error": error.why, "status": error.status, "proxies": _show(made)})
        return _json(201, {"proxies": _show(made)})

    def _index(self, _: Request) -> Response:
        return _json(200, self.collection.show())

    def _create(self, request: Request) -> Steps[Response]:
        proxy = yield from self.collection.create(bodies.decode(request.body))
        return _json(201, proxy.show())

    def _show(self, _: Request, proxy: str) -> Response:
        return _json(200, self.collection.get(proxy).show())

    def _update(self, request: Request, name: str) -> Steps[Response]:
        self.collection.get(name)  # first: of a proxy that isn't there, no body is read
        proxy = yield from self.collection.update(name, bodies.decode(request.body))
        return _json(200, proxy.show())

    def _delete(self, _: Request, proxy: str) -> Response:
        self.collection.delete(proxy)
        return Response(204)

    def _toxic_index(self, _: Request, proxy: str) -> Response:
        return _json(200, self.collection.get(proxy).show_toxics())

    def _toxic_create(self, request: Request, name: str) -> Response:
        proxy = self.collection.get(name)
        toxic = proxy.read_toxic(bodies.decode(request.body))
        proxy.add(toxic)
        return _json(200, toxic.show())

    def _toxic_show(self, _: Request, proxy: str, toxic: str) -> Response:
        return _json(200, self.collection.get(proxy).toxic(toxic).show())

    def _toxic_update(self, request: Request, name: str, toxic: str) -> Response:
        proxy = self.collection.get(name)
        proxy.toxic(toxic)
        return _json(200, proxy.change(toxic, bodies.decode(request.body)).show())

    def _toxic_delete(self, _: Request, proxy: str, toxic: str) -> Response:
        self.collection.get(proxy).remove(toxic)
        return Response(204)


def _json(status: int, value: object) -> Response:
    return Response(status, bodies.encode(value), JSON)


def _show(proxies: list[ServedProxy]) -> list[dict[str, object]] | None:
    return [proxy.show() for proxy in proxies] or None  # Go's empty list is null


def _redirect(path: str, query: str) -> Response:
    return Response(301, b"", (("Location", escape(path) + (f"?{query}" if query else "")),))


def _failure(error: BaseException) -> Response:
    """Say what has failed; a defect of our own is logged, with where it is."""
    if not isinstance(error, Refused):
        report(error)
        error = Refused(500, f"{type(error).__name__}: {error}")
    return text(error.status, bodies.encode({"error": error.why, "status": error.status}).decode())


def report(error: BaseException) -> None:
    """Write an error that nobody expected to the log."""
    try:
        import traceback  # noqa: PLC0415 - 15 ms

        said = "".join(traceback.format_exception(error))
    except (ImportError, OSError):  # no descriptor is left to read the module with, or the source
        said = f"{type(error).__name__}: {error}\n"
    log.say(said)
