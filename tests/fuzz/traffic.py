"""Random faults and random traffic, whatever carries them, and what must come of it."""

from __future__ import annotations

import socket

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.fuzz.ways import DOWN, SOON, UP, Pair, directions

DIRECTIONS = st.sampled_from(["both", UP, DOWN])
SHAPES = st.sampled_from(["delay", "throttle", "slice"])
SIZES = st.sampled_from([1, 100, 5_000, 66_000, 300_000])
MOST_PAIRS = 4


class Traffic(RuleBasedStateMachine):
    """Connections through something that breaks them on command; a subclass says how it is commanded."""

    #: How connections end that `shut` meets.
    shut_how = "RST"

    def __init__(self):
        super().__init__()
        self.pairs = []
        self.shapes = []
        self.stalls = []
        self.hole = None
        self.is_shut = False
        self.seed = 0
        self.listener = None

    # What a subclass says.

    def address(self):
        raise NotImplementedError

    def put(self, kind, direction):
        """Put a fault in force; return what `take_back` takes."""
        raise NotImplementedError

    def take_back(self, fault):
        raise NotImplementedError

    def shut(self):
        raise NotImplementedError

    def reopen(self):
        raise NotImplementedError

    def reset_all(self):
        raise NotImplementedError

    def falls_in(self, pair, name):
        """Wait until a black hole has taken what was sent into it."""

    def judge(self, pair, direction, has_lost):
        """After a black hole: say how a pair ends, or ``None`` where it goes on."""
        raise NotImplementedError

    # What is so.

    @property
    def held(self):
        """The directions in which nothing arrives."""
        return {name for _, said in self.stalls for name in directions(said)} | set(
            directions(self.hole[1]) if self.hole else ()
        )

    def settle(self):
        for pair in self.pairs:
            pair.settle(self.held)

    def forget(self, pair):
        self.pairs.remove(pair)
        pair.close()

    def all_end(self, how):
        for pair in list(self.pairs):
            pair.ends(how)
            self.forget(pair)

    # Rules.

    @initialize()
    def begin(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(SOON)
        self.start()

    def start(self):
        raise NotImplementedError

    @precondition(lambda self: len(self.pairs) < MOST_PAIRS and not self.held and not self.is_shut)
    @rule()
    def dial(self):
        client = socket.create_connection(self.address(), SOON)
        self.pairs.append(Pair(client, self.listener.accept()[0]))
        self.opened(self.pairs[-1])

    def opened(self, pair):
        """Take note of a new connection."""

    @precondition(lambda self: self.pairs)
    @rule(which=st.integers(0, MOST_PAIRS - 1), name=st.sampled_from([UP, DOWN]), size=SIZES)
    def send(self, which, name, size):
        way = self.pairs[which % len(self.pairs)].ways[name]
        if not way.is_finished:
            self.seed += 1
            way.send(size, self.seed)

    @precondition(lambda self: self.pairs and not self.held)
    @rule(which=st.integers(0, MOST_PAIRS - 1), name=st.sampled_from([UP, DOWN]))
    def finish(self, which, name):
        pair = self.pairs[which % len(self.pairs)]
        if not pair.ways[name].is_finished:
            pair.ways[name].finish()
        if pair.is_over:
            pair.settle()
            self.over(pair, "FIN")
            self.forget(pair)

    def over(self, pair, how):
        """Check what is told of a connection that has ended."""

    @precondition(lambda self: self.pairs and not self.held)
    @rule(which=st.integers(0, MOST_PAIRS - 1), name=st.sampled_from([UP, DOWN]))
    def a_peer_resets(self, which, name):
        pair = self.pairs[which % len(self.pairs)]
        if any(way.is_finished for way in pair.ways.values()):
            return
        pair.settle()
        pair.reset(pair.ways[name].sender)
        pair.ends("RST", of=(name,))
        self.over(pair, "RST")
        self.forget(pair)

    @precondition(lambda self: len(self.shapes) < 3)
    @rule(kind=SHAPES, direction=DIRECTIONS)
    def shape(self, kind, direction):
        self.shapes.append(self.put(kind, direction))

    @precondition(lambda self: self.shapes)
    @rule(which=st.integers(0, 2))
    def unshape(self, which):
        self.take_back(self.shapes.pop(which % len(self.shapes)))

    @precondition(lambda self: len(self.stalls) < 2 and not self.hole)
    @rule(direction=DIRECTIONS)
    def stall(self, direction):
        self.settle()
        self.stalls.append((self.put("stall", direction), direction))

    @precondition(lambda self: self.stalls)
    @rule()
    def unstall(self):
        fault, _ = self.stalls.pop(0)
        self.take_back(fault)
        self.settle()

    @precondition(lambda self: not self.stalls and not self.hole)
    @rule(direction=DIRECTIONS)
    def dig(self, direction):
        self.settle()
        self.hole = (self.put("hole", direction), direction)

    @precondition(lambda self: self.hole)
    @rule()
    def fill(self):
        fault, direction = self.hole
        self.settle()
        for pair in self.pairs:
            for name in directions(direction):
                self.falls_in(pair, name)
        self.hole = None
        self.take_back(fault)
        for pair in list(self.pairs):
            ways = [pair.ways[name] for name in directions(direction)]
            if how := self.judge(pair, direction, any(len(way.sent) > len(way.got) for way in ways)):
                pair.ends(how)
                self.over(pair, how)
                self.forget(pair)
        self.settle()

    @precondition(lambda self: not self.held and not self.is_shut)
    @rule()
    def reset(self):
        self.settle()
        self.reset_all()
        self.all_end("RST")

    @precondition(lambda self: not self.held and not self.is_shut)
    @rule()
    def break_off(self):
        self.settle()
        self.shut()
        self.is_shut = True
        self.all_end(self.shut_how)

    @precondition(lambda self: self.is_shut)
    @rule()
    def come_back(self):
        self.reopen()
        self.is_shut = False

    @rule()
    def look(self):
        self.settle()
        for pair in self.pairs:
            self.look_at(pair)

    def look_at(self, pair):
        """Check what is told of a connection that goes on."""

    def teardown(self):
        try:
            if self.listener is not None:
                self.heal_all()
        finally:
            for pair in self.pairs:
                pair.close()
            if self.listener is not None:
                self.end()
                self.listener.close()

    def heal_all(self):
        if self.hole:
            self.fill()
        while self.stalls:
            self.unstall()
        while self.shapes:
            self.take_back(self.shapes.pop())
        self.look()

    def end(self):
        raise NotImplementedError
