"""Members of topologies that do nothing, and say what a test has them say."""

from __future__ import annotations

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.services.topology import Member


class FakeMachine:
    def __init__(self, name="fake", **setup):
        self.name = name
        self.setup = setup
        self.address = ("127.0.0.1", setup.get("port", 1))
        self.state = "not started"
        self.outages = ()
        self.calls = []
        self.replies = {}
        self.fails_with = None

    def start(self):
        self.calls.append(("start",))
        if self.fails_with:
            raise self.fails_with
        self.state = "running"

    def kill(self):
        self.calls.append(("kill",))
        self.state = "down"
        return 1.0

    def restart(self, *, keep_data=True):
        self.calls.append(("restart", keep_data))
        self.state = "running"

    def execute(self, *arguments, timeout=5.0):  # noqa: ARG002 - as a Machine
        self.calls.append(arguments)
        reply = self.replies.get(" ".join(map(str, arguments)))
        if reply is None or self.state != "running":
            raise ServiceError("it did not answer")
        return reply

    def log_tail(self, lines=20):  # noqa: ARG002 - as a Machine
        return ""

    def close(self):
        self.state = "closed"


class FakeLink:
    def __init__(self, port):
        self.host, self.port = "127.0.0.1", port
        self.address = (self.host, port)

    def url(self, scheme, path):
        return f"{scheme}://{self.host}:{self.port}/{path}"


def member(name, port, **replies):
    """A member that runs, and answers ``{command: reply}``."""
    machine = FakeMachine(name)
    machine.state = "running"
    machine.replies = replies
    return Member(name, machine, FakeLink(port))
