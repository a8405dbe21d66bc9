from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.buffering import judge_buffering
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send


def record(sends, deliveries, outages, subscribers=("",)):
    return DeliveryRecord(
        tuple(sorted(sends, key=lambda send: send.at)),
        tuple(sorted(deliveries, key=lambda delivery: delivery.at)),
        tuple(subscribers),
        tuple(outages),
        1000.0,
    )


def cut(started_at, healed_at, *kinds):
    return Outage(started_at, healed_at, kinds or ("cut",))


def timed(arrivals, *outages):
    """A record of ids that are their own times of sending, with when each arrived; ``None`` for never."""
    got = [Delivery(at, arrived) for at, arrived in arrivals.items() if arrived is not None]
    return record([Send(at, at) for at in arrivals], got, outages)


def too_many(found):
    return [(one.outage, one.ids) for one in found.too_many]


def with_room(found):
    return [(lost.send.id, lost.others) for lost in found.with_room]


def overtaken(found):
    return [(one.send.id, one.after) for one in found.overtaken]


CUT = cut(10, 20)


def test_what_was_sent_in_an_outage_and_arrived_after_it_was_held():
    found = judge_buffering(timed({9: 9, 10: 10, 11: 19, 12: 20, 13: 21, 14: None, 20: 22}, CUT), 9, "oldest")
    assert (found.sent, found.passed, found.held, found.lost) == (5, 2, 2, 1)


def test_more_than_there_is_room_for():
    arrivals = {11: 20, 12: 21, 13: 22, 20: 23}
    assert too_many(judge_buffering(timed(arrivals, CUT), 3, "oldest")) == []
    assert too_many(judge_buffering(timed(arrivals, CUT), 2, "oldest")) == [(0, (11, 12, 13))]


def test_each_outage_has_the_whole_room():
    arrivals = {11: 21, 12: 22, 31: 41, 32: 42}
    assert too_many(judge_buffering(timed(arrivals, CUT, cut(30, 40)), 2, "oldest")) == []


@pytest.mark.parametrize(
    ("arrivals", "lost"),
    [
        pytest.param({11: None, 12: 21, 13: 22}, [], id="as many behind it as there is room for"),
        pytest.param({11: None, 12: 21}, [(11, 1)], id="one less"),
        pytest.param({11: None, 12: 21, 22: 23}, [(11, 1)], id="what comes after the first arrival isn't behind it"),
        pytest.param({11: None, 12: 21, 21: 23}, [], id="at the first arrival"),
        pytest.param({11: None, 12: None, 13: 21}, [(12, 1)], id="a lost one is behind it too"),
        pytest.param({11: None, 12: None}, [(11, 1), (12, 0)], id="all lost"),
        pytest.param({11: 21, 12: 22, 13: None}, [(13, 0)], id="the newest"),
        pytest.param({9: None, 11: 21}, [], id="before the outage"),
        pytest.param({11: 21, 22: None}, [], id="after the flush"),
        pytest.param({11: 22, 21: None}, [(21, 0)], id="before the first arrival"),
    ],
)
def test_the_oldest_is_lost_for_lack_of_room_only(arrivals, lost):
    assert with_room(judge_buffering(timed(arrivals, CUT), 2, "oldest")) == lost


@pytest.mark.parametrize(
    ("arrivals", "lost"),
    [
        pytest.param({11: 21, 12: 22, 13: None}, [], id="as many waiting as there is room for"),
        pytest.param({11: 21, 12: None}, [(12, 1)], id="one less"),
        pytest.param({11: 21, 12: None, 13: None}, [(12, 1), (13, 1)], id="a lost one doesn't wait"),
        pytest.param({11: 12, 12: 21, 13: None}, [(13, 1)], id="one that has arrived doesn't wait"),
        pytest.param({9: 21, 11: 22, 12: None}, [(12, 1)], id="one from before the outage doesn't wait"),
        pytest.param({11: None, 12: 21, 13: 22}, [(11, 0)], id="the oldest"),
        pytest.param({11: 22, 12: 23, 21: None, 24: 25}, [], id="before the first arrival"),
    ],
)
def test_the_newest_is_lost_for_lack_of_room_only(arrivals, lost):
    assert with_room(judge_buffering(timed(arrivals, CUT), 2, "newest")) == lost


def test_after_a_stall_what_was_in_a_socket_may_arrive_before_the_flush():
    arrivals = {11: 20, 12: None, 21: 23, 22: 24}
    assert with_room(judge_buffering(timed(arrivals, CUT), 2, "oldest")) == [(12, 0)]
    assert with_room(judge_buffering(timed(arrivals, cut(10, 20, "stall")), 2, "oldest")) == []
    assert with_room(judge_buffering(timed(arrivals, cut(10, 20, "cut", "stall")), 3, "oldest")) == [(12, 2)]


def test_an_outage_before_the_flush_goes_on_with_what_was_held():
    arrivals = {11: 51, 12: 52, 31: None}
    assert with_room(judge_buffering(timed(arrivals, CUT, cut(30, 40)), 2, "newest")) == []
    flushed = {11: 21, 12: 22, 31: None}
    assert with_room(judge_buffering(timed(flushed, CUT, cut(30, 40)), 2, "newest")) == [(31, 0)]


def test_an_outage_that_is_still_in_force_is_not_judged():
    open_ended = Outage(30, None, ("cut",))
    assert with_room(judge_buffering(timed({11: 21, 31: None}, CUT, open_ended), 2, "oldest")) == []
    not_flushed = judge_buffering(timed({11: None, 31: None}, CUT, open_ended), 2, "oldest")
    assert with_room(not_flushed) == []
    assert (not_flushed.held, not_flushed.lost) == (0, 0)


def test_what_was_lost_outside_of_the_windows_is_counted():
    found = judge_buffering(timed({8: None, 9: 9, 11: 21, 22: None, 23: 23}, CUT), 2, "oldest")
    assert (with_room(found), found.lost_elsewhere) == ([], 2)


def test_a_message_that_arrives_after_a_later_one():
    assert overtaken(judge_buffering(timed({11: 22, 12: 21, 13: 23}, CUT), 9, "oldest")) == [(11, 12)]
    assert overtaken(judge_buffering(timed({11: 23, 20: 22}, CUT), 9, "oldest")) == [(11, 20)]


def test_order_outside_of_the_windows_is_no_matter_of_the_buffer():
    assert overtaken(judge_buffering(timed({8: 30, 11: 21, 22: 24, 23: 23}, CUT), 9, "oldest")) == []


def test_a_reset_has_a_window_too():
    reset = Outage(10, 10, ("reset",))
    found = judge_buffering(timed({11: None, 12: 21}, reset), 2, "oldest")
    assert (found.sent, with_room(found)) == (0, [(11, 1)])


def test_each_sender_has_a_buffer_of_its_own():
    sends = [Send("a1", 11, sender="ann"), Send("b1", 12, sender="bob"), Send("b2", 13, sender="bob")]
    got = [Delivery("b1", 21), Delivery("b2", 22)]
    found = judge_buffering(record(sends, got, [CUT]), 2, "oldest")
    assert with_room(found) == [("a1", 0)]
    both = judge_buffering(record(sends, [*got, Delivery("a1", 23)], [CUT]), 2, "oldest")
    assert (too_many(both), overtaken(both)) == ([], [])


def test_each_subscriber_is_judged_for_itself():
    sends = [Send("a", 11), Send("b", 12)]
    got = [Delivery("a", 21, "ann"), Delivery("b", 22, "ann"), Delivery("b", 22, "bob")]
    found = judge_buffering(record(sends, got, [CUT], ["ann", "bob", "eve"]), 2, "oldest")
    lost = [(lost.send.id, lost.subscriber) for lost in found.with_room]
    assert lost == [("a", "bob"), ("a", "eve"), ("b", "eve")]


def test_a_refused_message_was_never_held_and_an_unclear_one_may_have_been():
    sends = [Send("a", 11), Send("b", 12, "fail"), Send("c", 13)]
    got = [Delivery("c", 21)]
    assert with_room(judge_buffering(record(sends, got, [CUT]), 2, "oldest")) == [("a", 1)]
    sends[1] = Send("b", 12, "info")
    assert with_room(judge_buffering(record(sends, got, [CUT]), 2, "oldest")) == []


def test_an_unclear_message_may_wait_or_be_lost():
    sends = [Send("a", 11, "info"), Send("b", 12), Send("c", 13)]
    assert with_room(judge_buffering(record(sends, [Delivery("b", 21)], [CUT]), 2, "newest")) == []
    assert with_room(judge_buffering(record(sends, [Delivery("b", 21)], [CUT]), 3, "newest")) == [("c", 2)]


def test_an_id_that_was_sent_twice_has_the_benefit_of_the_doubt():
    sends = [Send("a", 5), Send("a", 11), Send("b", 12)]
    found = judge_buffering(record(sends, [Delivery("b", 21), Delivery("a", 22)], [CUT]), 1, "oldest")
    assert (too_many(found), with_room(found), overtaken(found)) == ([], [], [])
    assert with_room(judge_buffering(record(sends, [Delivery("b", 21)], [CUT]), 2, "oldest")) == [("a", 1)]


# A simulated client: it keeps what it can't send, and sends it all when it is back.


@dataclass
class Client:
    """Its clock is the times of what it is given; a message arrives a quarter of a second after it was sent."""

    room: int
    dropped: str
    outages: list  # (start, heal, flush or None where the next one begins first)
    shuffles: bool = False
    drops: set = field(default_factory=set)
    kept: list = field(default_factory=list)
    arrived: dict = field(default_factory=dict)

    def run(self, times):
        events = [(at, 1, at) for at in times] + [(flush, 0, None) for _, _, flush in self.outages if flush]
        for at, _, message in sorted(events, key=lambda event: event[:2]):
            if message is None:
                self._flush(at)
            elif self._is_down(at):
                self._keep(message)
            else:
                self.arrived[message] = at + 0.25
        return self.arrived

    def _is_down(self, at):
        begun = [(start, flush) for start, _, flush in self.outages if start <= at]
        return bool(begun) and (begun[-1][1] is None or at < begun[-1][1])

    def _keep(self, message):
        if len(self.kept) < self.room:
            self.kept.append(message)
        elif self.dropped == "oldest" and self.room:
            self.kept = [*self.kept[1:], message]

    def _flush(self, at):
        if self.shuffles and len(self.kept) > 1:
            self.kept = [*self.kept[1:], self.kept[0]]
        kept = [message for message in self.kept if message not in self.drops]
        self.arrived |= {message: at + 0.25 + place / 10000 for place, message in enumerate(kept)}
        self.kept = []


@st.composite
def broken_times(draw):
    """Outages that begin at a half; what lies between two is either far longer than a flush takes, or shorter."""
    at, outages = 0.5, []
    for _ in range(draw(st.integers(1, 4))):
        start = at + draw(st.integers(1, 8))
        heal = start + draw(st.integers(1, 20))
        flush = heal + 0.25 + draw(st.integers(0, 8))
        chained = draw(st.booleans())
        outages.append((start, heal, None if chained else flush))
        at = heal + 1 if chained else flush + 2.25
    start, heal, _ = outages[-1]
    outages[-1] = (start, heal, heal + 3.25)
    return outages


policies = st.sampled_from(["oldest", "newest"])


@given(broken_times(), policies, st.integers(1, 6), st.sets(st.integers(0, 120)), st.data())
def test_a_client_that_buffers_is_accepted(outages, dropped, room, times, data):
    arrived = Client(room, dropped, outages).run(times)
    # In flight when an outage begins is what was sent half a second before; that is nobody's fault here.
    in_flight = {at for at in arrived if any(at == start - 0.5 for start, _, _ in outages)}
    arrived = {at: when for at, when in arrived.items() if at not in in_flight or data.draw(st.booleans())}
    made = timed({at: arrived.get(at) for at in times}, *(cut(start, heal) for start, heal, _ in outages))
    found = judge_buffering(made, room, dropped)
    assert (too_many(found), with_room(found), overtaken(found)) == ([], [], [])


@given(
    st.integers(1, 8),
    st.integers(1, 8),
    policies,
    st.sampled_from(["too large", "too small", "wrong end", "out of order", "one lost"]),
    st.data(),
)
def test_a_planted_defect_is_found(room, more, dropped, defect, data):
    """One outage, in which ``more`` messages are sent than there is room for; then none until they have arrived."""
    sent = [*range(1, 10), *range(10, 10 + room + more), *range(40, 50)]
    held = sent[9:-10]
    client = Client(room, dropped, [(9.5, 30.5, 32.25)])
    match defect:
        case "too large":
            client.room = room + data.draw(st.integers(1, more))
        case "too small":
            assume(room > 1)
            client.room = data.draw(st.integers(0, room - 1))
        case "wrong end":
            client.dropped = {"oldest": "newest", "newest": "oldest"}[dropped]
        case "out of order":
            assume(room > 1)
            client.shuffles = True
        case "one lost":
            assume(room > 1)  # what comes after the heal could have pushed the only one out
            kept = held[-room:] if dropped == "oldest" else held[:room]
            client.drops = {data.draw(st.sampled_from(kept))}
    arrived = client.run(sent)
    found = judge_buffering(timed({at: arrived.get(at) for at in sent}, cut(9.5, 30.5)), room, dropped)
    lost = [at for at in held if at not in arrived]
    if defect == "too large":
        assert (too_many(found), with_room(found)) == ([(0, tuple(at for at in held if at in arrived))], [])
    elif defect == "out of order":
        first = held[-room] if dropped == "oldest" else held[0]
        assert (too_many(found), with_room(found)) == ([], [])
        assert [late for late, _ in overtaken(found)] == [first]
    else:
        # Behind the oldest there is one less than there should be, at least; the newest never had enough before it.
        named = [at for at, _ in with_room(found)]
        assert set(named) <= set(lost)
        assert lost[-1 if dropped == "oldest" else 0] in named
        if defect == "one lost":
            assert named == (
                [at for at in lost if at in client.drops]
                if dropped == "oldest"
                else [at for at in lost if sum(earlier in arrived for earlier in held if earlier < at) < room]
            )
