"""Docker's errors, in words for the person who reads them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ...errors import ServiceError, hide_own_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

__tracebackhide__ = hide_own_errors


def explain(error: BaseException) -> str:
    """What went wrong, without the layers around it: what the daemon says, else the system's own error."""
    explanation = getattr(error, "explanation", None)
    if explanation:
        return str(explanation.decode(errors="replace") if isinstance(explanation, bytes) else explanation).strip()
    inner = system_error(error)
    return (inner.strerror or str(inner)) if inner else " ".join(str(error).split())


def system_error(error: BaseException) -> OSError | None:
    """The operating system's error that is at the bottom of it; ``None`` if there is none.

    ``requests`` and ``urllib3`` keep what they wrap in ``args``, some of the time, and are ``OSError`` themselves.
    """
    found: OSError | None = None
    queue: list[object] = [error]
    seen: set[int] = set()
    while queue:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, OSError) and (item.errno is not None or isinstance(item, TimeoutError)):
            found = item
        queue += [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]
    return found


def is_timeout(error: BaseException) -> bool:
    """Whether the daemon said nothing for too long, whichever layer noticed."""
    return isinstance(system_error(error), TimeoutError) or "timed out" in str(error).lower()


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn Docker's errors into ours.

    Args:
        what: What Docker is asked to do: ``"start redis:7"``.

    Raises:
        ServiceError: It did not.
    """
    from docker.errors import DockerException  # noqa: PLC0415 - 0.2 s, for those who use it
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except (DockerException, RequestException) as error:
        # Not "from error": its pages would come before the one line that says it. It stays the context.
        raise ServiceError(f"Docker did not {what}: {explain(error)}") from None
