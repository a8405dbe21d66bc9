"""What nodes say to each other, without Redis: whatever is lost on the way, everybody gets every event, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.stories.redis_restart.conversation import Conversation
from examples.stories.redis_restart.sequences import Inbox, Outbox

NODES = ("one", "two")
#: The same examples in each run, however busy the machine.
steady = settings(deadline=None, derandomize=True)


class Channel:
    """A pub/sub channel: it keeps nothing for those who are away. A confirmation may come late, or never."""

    def __init__(self, most: int = 1000) -> None:
        self.nodes = {name: Conversation(name, Outbox(most, max_age=60.0, clock=lambda: 0.0)) for name in NODES}
        self.got: dict[str, list[str]] = {name: [] for name in NODES}
        self.greets = set(NODES)
        self._unheard: dict[str, list[dict[str, object]]] = {name: [] for name in NODES}
        self._unconfirmed: dict[str, tuple[int, int]] = {}
        self._deaf: set[str] = set()

    def keep(self, name: str) -> None:
        self.nodes[name].outbox.add(lambda number: f"{name} {number}")

    def emit(self, name: str) -> None:
        self.keep(name)
        self.publish(name)

    def publish(self, name: str) -> None:
        if name not in self._unconfirmed:
            own = self.nodes[name]
            texts = own.outbox.due(100)
            messages = [own.place()] * (name in self.greets)
            messages += [own.numbered({"method": "emit", "text": text}, int(text.split()[1])) for text in texts]
            self.greets.discard(name)
            self._unconfirmed[name] = own.outbox.next, len(texts)
            for other in set(NODES) - self._deaf:
                self._unheard[other] += messages

    def confirm(self, name: str) -> None:
        if name in self._unconfirmed:
            self.nodes[name].outbox.published(*self._unconfirmed.pop(name))

    def fail(self, name: str) -> None:
        if self._unconfirmed.pop(name, None):
            self.greets.add(name)

    def hear(self, name: str) -> None:
        for message in self._unheard[name]:
            heard = self.nodes[name].hear(message)
            self.got[name] += [str(message.get("text"))] * heard.is_new
            self.greets |= {name} if heard.must_greet else set()
        self._unheard[name] = []

    def leave(self, name: str) -> None:
        self._unheard[name] = []
        self._deaf.add(name)

    def come_back(self, name: str) -> None:
        if name in self._deaf:
            self._deaf.remove(name)
            self.greets.add(name)
            self.publish(name)

    def settle(self, _: str = "") -> None:
        """Let everybody be there and speak, until nobody has anything to say any more: now all have got everything."""
        for _round in range(20):
            for name in NODES:
                for step in (self.confirm, self.come_back, self.publish, self.confirm):
                    step(name)
            for name in NODES:
                self.hear(name)
            if not self.greets and not any(node.outbox.waiting for node in self.nodes.values()):
                return
        raise AssertionError("they never stop talking")


STEPS = [f"{what} one" for what in ("emit", "confirm", "fail")]
STEPS += [f"{what} {who}" for what in ("hear", "leave", "come_back") for who in NODES]


def gets_everything(steps: Iterable[str]) -> bool:
    """Say whether two, whenever all has settled, has got what one has emitted, once and in order."""
    channel = Channel()
    for step in ("settle one", *steps, "settle one"):
        what, who = step.split()
        getattr(channel, what)(who)
        sent = [f"one {number}" for number in range(1, channel.nodes["one"].outbox.last + 1)]
        if what == "settle" and channel.got["two"] != sent:
            return False
    return True


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_whatever_happens_in_so_many_steps_everything_arrives_in_order(length):
    assert [steps for steps in itertools.product(STEPS, repeat=length) if not gets_everything(steps)] == []


@steady
@given(st.lists(st.sampled_from(STEPS), max_size=40))
def test_whatever_happens_everything_arrives_in_order(steps):
    assert gets_everything(steps)


@steady
@given(st.integers(1, 8), st.integers(1, 20))
def test_what_was_pushed_out_is_counted_and_the_rest_arrives(most, events):
    channel = Channel(most)
    channel.settle()
    for _ in range(events):
        channel.keep("one")
    channel.greets.add("one")  # as a node does that was away
    channel.settle()
    lost = max(0, events - most)
    assert len(channel.nodes["one"].outbox) == events - lost
    assert channel.nodes["one"].outbox.dropped == channel.nodes["two"].inbox.missed == lost
    assert channel.got["two"] == [f"one {number}" for number in range(lost + 1, events + 1)]


def test_a_gap_is_asked_about_once():
    node = Conversation("one", Outbox(10, max_age=60.0))
    numbers = (7, 9, 10, 8, 9, 9)
    heard = [node.hear({"method": "emit", "node": "two", "number": number}) for number in numbers]
    assert [each.is_new for each in heard] == [True, False, False, True, True, False]
    assert [each.must_greet for each in heard] == [False, True, False, False, False, False]
    assert node.inbox.repeated == 1


def test_who_does_not_know_this_node_is_greeted():
    one, two = (Conversation(name, Outbox(10, max_age=60.0)) for name in NODES)
    assert one.hear(two.place()).must_greet
    assert not two.hear(one.place()).must_greet


def test_what_is_too_old_is_dropped_before_it_is_published():
    now = [0.0]
    outbox = Outbox(10, max_age=5.0, clock=lambda: now[0])
    for now[0] in (0.0, 4.0, 6.0):
        outbox.add(str)
    assert outbox.due(10) == ["2", "3"]
    assert outbox.dropped == 1


def test_a_buffer_has_room():
    with pytest.raises(ValueError, match=r"^most must be 1 or more, not 0$"):
        Outbox(0, max_age=1.0)


def test_of_a_thousand_nodes_that_have_restarted_the_one_that_was_silent_longest_is_forgotten():
    inbox = Inbox()
    for number in range(1000):
        inbox.take(str(number), 1)
    inbox.place("0", first=1, following=2, sent=1)
    inbox.take("new", 1)
    assert len(inbox.seen) == 1000
    assert "0" in inbox.seen
    assert "1" not in inbox.seen
