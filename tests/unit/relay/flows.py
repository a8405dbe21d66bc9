"""A flow between two sockets, and the words for what comes out of it."""

from __future__ import annotations

from types import SimpleNamespace

from pytest_netchaos.relay.end import End
from pytest_netchaos.relay.flow import Flow
from pytest_netchaos.relay.stages import CLOSE, FIN, RST, is_end


def assemble(fake_loop, source_pair, target_pair):
    ends = []
    source, target = End("client", source_pair[0]), End("server", target_pair[0])
    flow = Flow(fake_loop, source, target, lambda _, how: ends.append(how))
    return SimpleNamespace(flow=flow, ends=ends, client=source_pair[1], server=target_pair[1], loop=fake_loop)


def pump(made):
    """What the event loop does when both sockets have news."""
    made.flow.source.readable = made.flow.target.writable = True
    made.flow.pump()


def received(made):
    made.server.setblocking(False)
    data = b""
    try:
        while chunk := made.server.recv(1 << 20):
            data += chunk
    except BlockingIOError:
        pass
    return data


def in_flight(made):
    """Bytes read and not yet written."""
    return sum(map(len, made.flow._out)) + sum(stage.size for _, stage in made.flow.chain._stages)


def named(chunk):
    """A chunk as it is, an end by its name: all ends are equal."""
    if not is_end(chunk):
        return chunk
    return next(name for name, end in (("FIN", FIN), ("RST", RST), ("CLOSE", CLOSE)) if chunk is end)


def ends(made):
    """How the flow has ended, each time that it did."""
    return [named(end) for end in made.ends]
