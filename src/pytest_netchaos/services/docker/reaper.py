"""Remove a process's containers when it has ended without doing so itself.

Run as ``python -I reaper.py OWNER`` by `Reaper` (see `guarding`), in a session of its own; nobody imports it. Standard
input is a pipe: its first line says, in JSON, where the daemon is, whose containers to remove, and where to find
packages; then the word ``clean`` means that nothing is left to do. The end of the pipe, or of the process that OWNER
is the pid of, means that there is.

It is there for what leaves a process no time: SIGKILL, SIGTERM, ``os._exit``, pytest-timeout's thread. A child that the
owner has forked keeps the pipe open, but not the owner's pidfd. Standard output and error are closed to the world:
whoever reads the owner's (xdist, a shell's ``|``) doesn't wait for us.
"""

import json
import os
import select
import signal
import sys
import time

#: Seconds in which a daemon may come back.
PATIENCE = 60.0
#: Seconds between two tries.
AGAIN = 0.5
#: Seconds after the first look of those that find what the daemon was still making when its client ended.
LATER = (0.0, 0.5, 1.5, 3.0)


def main(owner: int) -> None:
    """Wait for the owner's word, or for its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are for the run; what it leaves is to be removed all the same
    try:
        owner_fd = os.pidfd_open(owner)
    except (AttributeError, OSError):
        owner_fd = None  # not Linux, or it has ended; then the pipe does as well
    said = hear(owner_fd)
    task, _, rest = said.partition(b"\n")
    if rest.strip() != b"clean" and task.endswith(b"}"):
        reap(json.loads(task))


def hear(owner_fd: "int | None") -> bytes:
    """All that the owner says until it says "clean", or ends."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    if owner_fd is not None:
        poll.register(owner_fd, select.POLLIN)
    said = b""
    while True:
        ready = {fd for fd, _ in poll.poll()}
        chunk = os.read(0, 65536) if 0 in ready else b""
        said += chunk
        if not chunk or said.endswith(b"\nclean\n"):
            return said


def reap(task: "dict[str, object]") -> None:
    """Remove the owner's containers, and look again for those that were still being made."""
    sys.path += [path for path in task["path"] if path not in sys.path]  # type: ignore[attr-defined]
    started = time.monotonic()
    deadline = started + PATIENCE
    looks = list(LATER)
    while looks and time.monotonic() < deadline:
        if remove(task):
            looks.pop(0)
            time.sleep(max(0.0, started + looks[0] - time.monotonic()) if looks else 0)
        else:
            started = time.monotonic() + AGAIN  # the daemon is down: all over again once it is back
            looks = list(LATER)
            time.sleep(AGAIN)


def remove(task: "dict[str, object]") -> bool:
    """Try to remove what the owner has. Whether the daemon did."""
    from pytest_netchaos.services.docker.daemon import Place  # noqa: PLC0415 - only now is there work to do
    from pytest_netchaos.services.docker.owner import Owner  # noqa: PLC0415
    from pytest_netchaos.services.docker.sweep import remove_owned  # noqa: PLC0415

    try:
        client = Place(**task["place"]).client()  # type: ignore[arg-type]
        try:
            remove_owned(client, Owner(**task["owner"]))  # type: ignore[arg-type]
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - whatever it is, nobody would read of it
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
