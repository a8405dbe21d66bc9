"""HTTP/1.1 for a server: bytes in, requests out; responses in, bytes out. Pure, and strict where Go's server is."""

from __future__ import annotations

from .targets import parse_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

#: Bytes of a request line and headers. Go's server takes 1 MiB, for each of any number of connections.
MOST_HEADERS = 1 << 16
#: Bytes of a body: 1 MiB are some 8,000 proxies. Go has no limit; here one that is nothing but ``0,0,0,`` takes
#: 0.5 s to read, and 16 MiB of it kept everybody waiting for 16 s.
MOST_BODY = 1 << 20
#: What may be in a method or the name of a header (RFC 9110, 5.6.2).
_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")
#: A tab and everything else that is no control character.
_VALUE = frozenset([9, *range(32, 127), *range(128, 256)])
_CONTINUED = (9, 32)
#: What may be in a host and its port (RFC 3986, 3.2.2).
_HOST = frozenset(b"!$%&'()*+,-.:;=[]_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class BadRequest(Exception):
    """What arrived is no HTTP that can be answered; the connection is of no use any more."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Request:
    """One request, complete with its body."""

    __slots__ = ("body", "headers", "is_1_0", "keeps_alive", "method", "path", "query")

    def __init__(self, method: str, path: str, query: str, headers: dict[bytes, bytes], *, is_1_0: bool) -> None:
        self.method = method
        #: As it was sent: %-escapes are still in it.
        self.path = path
        self.query = query
        #: By lower-case name; several of one name are joined by commas.
        self.headers = headers
        self.is_1_0 = is_1_0
        self.body = b""
        tokens = {token.strip().lower() for token in headers.get(b"connection", b"").split(b",")}
        self.keeps_alive = b"close" not in tokens and (not is_1_0 or b"keep-alive" in tokens)


class Parser:
    """Cuts the bytes of one connection into requests, wherever its reads happen to end."""

    __slots__ = ("_buffer", "_requests", "is_idle", "wants_continue")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._requests = self._run()
        #: Nothing of a request has arrived.
        self.is_idle = True
        #: The client waits for a ``100 Continue`` before it sends the body. Whoever answers sets it back.
        self.wants_continue = False

    def feed(self, data: bytes) -> None:
        """Take what has arrived. Call `next` until it has no more."""
        self._buffer += data

    def next(self) -> Request | None:
        """Return the next request that is complete.

        Raises:
            BadRequest: What arrived is none, or is too long. Nothing after it can be understood.
        """
        return next(self._requests)

    def _run(self) -> Generator[Request | None, None, None]:
        while True:
            self.is_idle = True
            while not self._buffer:
                yield None
            self.is_idle = False
            request = yield from self._request()
            yield request

    def _request(self) -> Generator[None, None, Request]:
        room = MOST_HEADERS
        first = yield from self._line(room, 431)
        method, target, is_1_0 = parse_request_line(first)
        lines: list[bytes] = []
        room -= len(first)
        while line := (yield from self._line(room, 431)):
            room -= len(line) + 2
            _add_line(lines, line)
        headers = parse_headers(lines)
        _check_host(headers, is_1_0=is_1_0)
        path, query = parse_target(target, method) or _refuse()
        request = Request(method, path, query, headers, is_1_0=is_1_0)
        yield from self._body(request)
        return request

    def _body(self, request: Request) -> Generator[None, None, None]:
        length = body_length(request.headers, is_1_0=request.is_1_0)
        if length is not None and length > MOST_BODY:
            raise BadRequest(413)
        expected = request.headers.get(b"expect", b"").lower()
        if expected and expected != b"100-continue":
            raise BadRequest(417)
        self.wants_continue = bool(expected) and length != 0 and not request.is_1_0 and not self._buffer
        if length is None:
            request.body = yield from self._chunks()
        else:
            request.body = yield from self._exactly(length)
        self.wants_continue = False

    def _line(self, room: int, status: int) -> Generator[None, None, bytes]:
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > room:
                raise BadRequest(status)
            yield None
        if end > room:
            raise BadRequest(status)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _exactly(self, count: int) -> Generator[None, None, bytes]:
        while len(self._buffer) < count:
            yield None
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _chunks(self) -> Generator[None, None, bytes]:
        body = bytearray()
        while size := (yield from self._chunk_size()):
            if len(body) + size > MOST_BODY:
                raise BadRequest(413)
            body += yield from self._exactly(size)
            if (yield from self._line(2, 400)):
                raise BadRequest(400, "a chunk is longer than it said")
        room = MOST_HEADERS
        while line := (yield from self._line(room, 431)):  # trailers: nobody asks for them
            room -= len(line) + 2
        return bytes(body)

    def _chunk_size(self) -> Generator[None, None, int]:
        line = yield from self._line(4096, 400)
        size = line.partition(b";")[0].strip()
        if not size or len(size) > 16 or not _HEX.issuperset(size):  # noqa: PLR2004 - 64 bits
            raise BadRequest(400, "invalid chunk length")
        return int(size, 16)


def _refuse() -> tuple[str, str]:
    raise BadRequest(400)


def parse_request_line(line: bytes) -> tuple[str, str, bool]:
    """Return the method, the target, and whether it is HTTP/1.0.

    Raises:
        BadRequest: It is malformed, or speaks another version.
    """
    method, _, rest = line.partition(b" ")
    target, _, version = rest.partition(b" ")
    if not method or not _TOKEN.issuperset(method) or not version.startswith(b"HTTP/"):
        raise BadRequest(400)
    numbers = version[5:]
    if len(numbers) != 3 or numbers[1:2] != b"." or not _DIGITS.issuperset(numbers[::2]):  # noqa: PLR2004 - "1.1"
        raise BadRequest(400)
    if numbers[:1] != b"1":
        raise BadRequest(505, "unsupported protocol version")
    return method.decode(), target.decode("utf-8", "surrogateescape"), numbers == b"1.0"


def _add_line(lines: list[bytes], line: bytes) -> None:
    """Add a line of headers; one that begins with white space goes on with the one before it."""
    if line[0] not in _CONTINUED:
        lines.append(line)
    elif lines:
        lines[-1] += b" " + line.strip()
    else:
        raise BadRequest(400)


def parse_headers(lines: list[bytes]) -> dict[bytes, bytes]:
    """Return headers by lower-case name.

    Raises:
        BadRequest: One is malformed, or there are two hosts.
    """
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise BadRequest(400)
        if not name or not _TOKEN.issuperset(name):
            raise BadRequest(400, "invalid header name")
        name, value = name.lower(), value.strip(b" \t")
        if not _VALUE.issuperset(value):
            raise BadRequest(400)
        if name == b"host" and name in headers:
            raise BadRequest(400, "too many Host headers")
        headers[name] = headers[name] + b"," + value if name in headers else value
    return headers


def _check_host(headers: dict[bytes, bytes], *, is_1_0: bool) -> None:
    if b"host" not in headers and not is_1_0:
        raise BadRequest(400, "missing required Host header")
    if not _HOST.issuperset(headers.get(b"host", b"")):
        raise BadRequest(400, "malformed Host header")


def body_length(headers: dict[bytes, bytes], *, is_1_0: bool) -> int | None:
    """Say how many bytes the body has; ``None`` where it comes in chunks, whatever a Content-Length says beside that.

    Raises:
        BadRequest: It can't be known.
    """
    if not is_1_0 and (coding := headers.get(b"transfer-encoding")) is not None:
        if coding.lower() != b"chunked":
            raise BadRequest(501, "Unsupported transfer encoding")
        return None
    lengths = {text.strip() for text in headers.get(b"content-length", b"0").split(b",")}
    text = lengths.pop()
    if lengths or not text or len(text) > 18 or not _DIGITS.issuperset(text):  # noqa: PLR2004 - below 2**63
        raise BadRequest(400)
    return int(text)
