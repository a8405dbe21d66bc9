"""Run a program that dies with the process that asked for it, however that one dies.

Run as ``python -I -S guard.py OWNER GRACE LITTER PROGRAM [ARGUMENT ...]`` by `GuardedProcess`; nobody imports it.

- ``OWNER``: pid of the process that starts the guard, and that the program must not outlive.
- ``GRACE``: seconds between SIGTERM and SIGKILL when the owner is gone; 0 is SIGKILL at once.
- ``LITTER``: a directory to delete once the owner is gone, because nobody else is left to do it; may be empty.
- ``PROGRAM``: an absolute path.

Standard input is a pipe whose other end only the owner has: its end means "stop". Standard output is a pipe on which
the guard says, a line each, ``started PID`` or ``failed ERRNO``, then ``exited CODE`` (negative: the signal). Standard
error is the program's log, which becomes its standard output as well.

What ends the program, and how the guard learns of it:

==================================  =============================================================================
the owner exits, crashes, SIGKILL   its pidfd; or, without pidfds, a new parent pid, looked at every 0.1 s. A child
                                    that the owner forked keeps the pipe open, but neither of these
the owner replaces itself (exec)    the end of standard input
the guard is killed                 PR_SET_PDEATHSIG, on Linux only. macOS has nothing like it: there the program stays
all of Python is killed at once     as above: the kernel does it, no Python needed
==================================  =============================================================================

A test waits for each ms of its start, so it imports only modules that cost nothing: ``os`` would cost 1.5 ms,
``signal`` 6, ``ctypes`` 4, and ``contextlib`` or ``typing`` more than that.
"""
# ruff: noqa: SIM105 - see above

import _signal  # type: ignore[import-not-found,unused-ignore]
import posix
import select
import sys

SIGKILL, SIGTERM = 9, 15
PR_SET_PDEATHSIG = 1
RTLD_NOW = 2
TICK = 100  # ms, where the system has no pidfds and the guard must look


def main(owner: int, grace: float, litter: str, argv: list[str]) -> None:
    """Start the program, then wait until it or the owner has ended."""
    owner_fd = pidfd(owner)
    # After the pidfd is open: as long as the owner is our parent, its pid can't be somebody else's.
    if posix.getppid() != owner:
        return
    pid = spawn(argv)
    if pid is None:
        return
    child = Child(pid)
    orphaned = wait_for_either(owner, owner_fd, child)
    if orphaned:
        child.stop(grace)
    say(f"exited {child.sweep()}")
    if orphaned and litter:
        delete(litter)


def pidfd(pid: int) -> "int | None":
    """A descriptor that becomes readable when the process ends; ``None`` where the system can't."""
    try:
        return posix.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def say(line: str) -> None:
    """Tell the owner, if it still listens."""
    try:
        posix.write(1, line.encode() + b"\n")
    except OSError:
        pass


def spawn(argv: list[str]) -> "int | None":
    """Start the program and say so. Returns once it has been executed, or ``None`` if it can't be."""
    guard, prctl = posix.getpid(), find_prctl()
    # Closed by the exec, so that its end says that the exec worked.
    failure, report = posix.pipe()
    child = posix.fork()
    if child == 0:
        become(argv, guard, prctl, report)
    posix.close(report)
    errno = posix.read(failure, 16).decode()
    posix.close(failure)
    if errno:
        posix.waitpid(child, 0)
        say(f"failed {errno}")
        return None
    say(f"started {child}")
    return child


def find_prctl() -> "int | None":
    """The address of the call with which a process asks to be killed when its parent ends; ``None`` if there is none.

    ``_ctypes`` is what ``ctypes`` is made of: 0.3 ms instead of 4.
    """
    try:
        import _ctypes  # noqa: PLC0415 - may be missing

        return _ctypes.dlsym(_ctypes.dlopen(None, RTLD_NOW), "prctl")  # type: ignore[arg-type]
    except (ImportError, OSError, AttributeError):
        return None


def become(argv: list[str], guard: int, prctl: "int | None", report: int) -> None:
    """In the forked child: turn into the program. Never returns."""
    try:
        # A group of its own, so that its own children can be swept with it.
        posix.setpgid(0, 0)
        if prctl is not None:
            import _ctypes  # noqa: PLC0415 - it is loaded by now

            _ctypes.call_function(prctl, (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        if posix.getppid() != guard:
            posix._exit(127)  # noqa: SLF001 - documented, in os
        posix.dup2(posix.open("/dev/null", posix.O_RDONLY), 0)
        posix.dup2(2, 1)
        # Python ignores SIGPIPE, and a mask comes from whichever thread started the guard: neither is the program's.
        _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
        posix.execv(argv[0], argv)
    except OSError as error:
        posix.write(report, str(error.errno).encode())
    finally:
        posix._exit(127)  # noqa: SLF001


def wait_for_either(owner: int, owner_fd: "int | None", child: "Child") -> bool:
    """Wait for the program's end, or for the owner's. Whether it was the owner's."""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    for fd in (owner_fd, child.fd):
        if fd is not None:
            poll.register(fd, select.POLLIN)
    tick = TICK if owner_fd is None or child.fd is None else None
    while True:
        ready = [fd for fd, _ in poll.poll(tick)]
        if child.has_ended():
            return False
        if 0 in ready or owner_fd in ready or posix.getppid() != owner:
            return True


class Child:
    """The program."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fd = pidfd(pid)
        self.status: int | None = None

    def has_ended(self) -> bool:
        """Whether it is a zombie, or reaped."""
        if self.status is None:
            pid, status = posix.waitpid(self.pid, posix.WNOHANG)
            self.status = status if pid else None
        return self.status is not None

    def stop(self, grace: float) -> None:
        """Ask it to end, if it is given the time to. `sweep` makes sure that it does."""
        if grace <= 0:
            return
        posix.kill(self.pid, SIGTERM)
        posix.kill(self.pid, _signal.SIGCONT)  # a stopped program couldn't obey
        poll = select.poll()
        if self.fd is not None:
            poll.register(self.fd, select.POLLIN)
            poll.poll(grace * 1000)
            return
        for _ in range(int(grace * 1000 / TICK)):
            if self.has_ended():
                return
            poll.poll(TICK)

    def sweep(self) -> int:
        """Kill what is left of it and of its own children, and reap it. Its exit code.

        A group keeps its number while it has members; one that has none could only be mistaken for another if every
        other pid had been given out since the program was reaped, a moment ago.
        """
        try:
            posix.killpg(self.pid, SIGKILL)
        except OSError:
            pass
        if self.status is None:
            self.status = posix.waitpid(self.pid, 0)[1]
        return posix.waitstatus_to_exitcode(self.status)


def delete(directory: str) -> None:
    """Delete a directory and what is in it, as far as possible."""
    try:
        with posix.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    delete(entry.path)
                else:
                    posix.unlink(entry.path)
        posix.rmdir(directory)
    except OSError:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:])
    posix._exit(0)  # noqa: SLF001 - as os._exit: taking Python down in good order would cost the owner 1 ms
