"""Words for people, on stderr or stdout: what nobody can take right now is dropped, for no connection waits for it."""

from __future__ import annotations

import select
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

#: Bytes that a pipe which can be written to takes at once, at the least: POSIX has 512, Linux 4096.
_PIECE = getattr(select, "PIPE_BUF", 512)

_dropped = 0


def say(text: str) -> None:
    """Write to stderr; the next text that can be written says how many couldn't.

    Args:
        text: One line or more, with the last line's end.
    """
    global _dropped  # noqa: PLW0603 - there is one stderr
    if _dropped:
        text = f"(log: {_dropped} not written here, as nobody took them)\n{text}"
    _dropped = 0 if put(sys.stderr, text) else _dropped + 1


def put(stream: TextIO | None, text: str) -> bool:
    """Write to a stream without waiting for whoever reads it; say whether all of it went.

    The descriptor stays as it is: it may be the terminal's, which other processes have too, so it can't be made
    non-blocking.

    Args:
        stream: Where to; ``None`` where the process was started without it.
        text: What.
    """
    if stream is None:
        return False
    try:
        if sys.platform == "win32" or (descriptor := _descriptor(stream)) < 0:
            stream.write(text)
            stream.flush()
            return True
        return _write(descriptor, text.encode("utf-8", "backslashreplace"))
    except (OSError, ValueError):  # its reader has gone, the disk is full, or it is closed
        return False


def _descriptor(stream: TextIO) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # something that has been put in its place: a test's capture
        return -1


def _write(descriptor: int, data: bytes) -> bool:
    from posix import write  # noqa: PLC0415 - Windows has none

    while data:
        if not select.select((), (descriptor,), (), 0)[1]:
            return False
        data = data[write(descriptor, data[:_PIECE]) :]
    return True
