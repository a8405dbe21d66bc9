"""Responses, and how they look on the wire. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .http import BadRequest

REASONS = {
    200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 400: "Bad Request", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 413: "Request Entity Too Large",
    417: "Expectation Failed", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip
JSON = (("Content-Type", "application/json"),)
#: What Go's ``http.Error`` says of its body, also where that is JSON.
_TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = 204


class Response:
    """A status, headers and a body.

    Args:
        status: The status code.
        body: The body.
        headers: Pairs of name and value; those of the connection come by themselves.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.status = status
        self.body = body
        self.headers = headers


def text(status: int, said: str) -> Response:
    """Say something in plain text, as Go does: with a newline."""
    return Response(status, said.encode("utf-8", "replace") + b"\n", _TEXT)


def encode(response: Response, date: str, *, is_1_0: bool, keeps_alive: bool, to_head: bool = False) -> bytes:
    """Write a response, as an answer to a request of that version and kind."""
    said = [f"HTTP/1.{0 if is_1_0 else 1} {response.status} {REASONS[response.status]}"]
    said += [f"{name}: {value}" for name, value in (*response.headers, ("Date", date))]
    if response.status != _BODILESS and (response.body or not to_head):
        said.append(f"Content-Length: {len(response.body)}")
    if keeps_alive == is_1_0:  # what isn't the default of that version
        said.append(f"Connection: {'keep-alive' if keeps_alive else 'close'}")
    head = "\r\n".join(said).encode("latin-1", "replace") + b"\r\n\r\n"
    return head if to_head else head + response.body


def encode_refusal(error: BadRequest) -> bytes:
    """Write the answer to what was no request. The connection ends with it."""
    said = f"{error.status} {REASONS[error.status]}"
    if error.text:
        said += f": {error.text}"
    head = f"HTTP/1.1 {said}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    return (head + said).encode("latin-1", "replace")
