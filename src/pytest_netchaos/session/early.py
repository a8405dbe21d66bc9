"""Start something beside something else, for somebody who is likely to ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Early(Generic[T]):
    """Starts something in a thread of its own. Nobody waits for it who doesn't ask: not a Ctrl-C, and not an exit.

    Args:
        start: Starts it.
        end: Ends it, where nobody has asked for it.
    """

    def __init__(self, start: Callable[[], T], end: Callable[[T], object]) -> None:
        self._end = end
        self._lock = threading.Lock()
        self._made: list[T] = []
        self._error: BaseException | None = None
        self._is_unwanted = False
        self._thread = threading.Thread(target=self._run, args=(start,), name="netchaos-early", daemon=True)
        self._thread.start()

    def take(self) -> T:
        """Wait for it, and have it: from now on it is the caller's to end. Raises what its start has raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._made.pop()

    def drop(self) -> None:
        """End it if it was started and not taken; if it isn't started yet, as soon as it is."""
        with self._lock:
            self._is_unwanted = True
            made, self._made = self._made, []
        for each in made:
            self._end(each)

    def join(self, timeout: float) -> None:
        """Wait so long, at most, for its start to succeed or to fail."""
        self._thread.join(timeout)

    def _run(self, start: Callable[[], T]) -> None:
        try:
            made = start()
            with self._lock:
                if not self._is_unwanted:
                    self._made.append(made)
                    return
            self._end(made)
        except BaseException as error:  # noqa: BLE001 - for the one who takes it
            self._error = error
