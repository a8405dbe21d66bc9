"""Records of deliveries that Hypothesis makes: arbitrary ones, and clean ones into which a test plants a defect."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from pytest_netchaos.history import Outage
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send

OUTCOMES = ("ok", "fail", "info")
NOW = 1000.0


def in_time(entries):
    return tuple(sorted(entries, key=lambda entry: entry.at))


outages = st.lists(
    st.builds(
        lambda start, length, kind: Outage(float(start), None if length is None else float(start + length), (kind,)),
        st.integers(0, 40),
        st.one_of(st.none(), st.integers(0, 15)),
        st.sampled_from(["cut", "stall"]),
    ),
    max_size=4,
).map(lambda found: tuple(sorted(found, key=lambda outage: outage.started_at)))

sends = st.lists(
    st.builds(
        Send,
        st.sampled_from("abcdef"),
        st.integers(0, 40),
        st.sampled_from(OUTCOMES),
        st.sampled_from("st"),
        st.one_of(st.none(), st.integers(0, 60)),
    ),
    max_size=9,
).map(in_time)
#: The same, and all ids are sent by one sender.
sends_of_one = st.lists(
    st.builds(Send, st.sampled_from("abcd"), st.integers(0, 40), st.sampled_from(OUTCOMES)), max_size=8
).map(in_time)
deliveries = st.lists(
    st.builds(Delivery, st.sampled_from("abcdefx"), st.integers(0, 60), st.sampled_from(["ann", "bob"])), max_size=14
).map(in_time)


@st.composite
def records(draw, sends=sends):
    """Anything that can be written down: slips, contradictions and all."""
    return DeliveryRecord(
        draw(sends),
        draw(deliveries),
        draw(st.sampled_from([("ann", "bob"), ("ann", "bob", "eve"), ("ann",)])),
        draw(outages),
        float(draw(st.sampled_from([30, 60, NOW]))),
        strict=draw(st.booleans()),
    )


@dataclass(frozen=True)
class Clean:
    """A record that keeps every contract: each message has an id of its own, and arrives at once."""

    record: DeliveryRecord

    @property
    def accepted(self):
        return [send for send in self.record.sends if send.outcome == "ok"]

    def position(self, send, subscriber):
        """Where the delivery of ``send`` to ``subscriber`` is, if there is one."""
        found = [n for n, d in enumerate(self.record.deliveries) if (d.id, d.subscriber) == (send.id, subscriber)]
        return found[0] if found else None

    def without(self, *lost):
        """The record without the deliveries of these (id, subscriber)."""
        kept = [d for d in self.record.deliveries if (d.id, d.subscriber) not in lost]
        return replace(self.record, deliveries=tuple(kept))

    def plus(self, *extra):
        return replace(self.record, deliveries=in_time([*self.record.deliveries, *extra]))

    def with_send(self, old, new):
        return replace(self.record, sends=tuple(new if send == old else send for send in self.record.sends))


@st.composite
def clean(draw, least=3):
    """Several senders, subscribers and outages; what wasn't acknowledged may have arrived or not."""
    count = draw(st.integers(least, 12))
    sent = [
        Send(
            n,
            float(10 * n),
            draw(st.sampled_from(["ok", "ok", "ok", *OUTCOMES])) if n % 3 else "ok",
            draw(st.sampled_from("st")),
        )
        for n in range(count)
    ]
    subscribers = tuple(draw(st.sampled_from([("",), ("ann", "bob"), ("ann", "bob", "eve")])))
    got = [
        Delivery(send.id, send.at + draw(st.integers(0, 9)), subscriber)
        for send in sent
        for subscriber in subscribers
        if send.outcome == "ok" or (send.outcome == "info" and draw(st.booleans()))
    ]
    starts = sorted(draw(st.sets(st.integers(0, count), max_size=3)))
    broken = [Outage(10.0 * start + 5, 10.0 * start + 14, ("cut",)) for start in starts]
    return Clean(DeliveryRecord(tuple(sent), in_time(got), subscribers, tuple(broken), NOW))
