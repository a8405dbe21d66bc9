"""Every finding, compared with an oracle: straight from the definitions, each message against each other."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.buffering import judge_buffering
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Send


def oracle(made, room, dropped):
    found = {"too many": set(), "with room": set(), "overtaken": set(), "elsewhere": 0}
    for subscriber in {*made.subscribers, *(delivery.subscriber for delivery in made.deliveries)}:
        for sender in {send.sender for send in made.sends}:
            one = OneSender(made, sender, subscriber)
            found["too many"] |= {(subscriber, sender, *row) for row in one.too_many(room)}
            found["with room"] |= {(subscriber, sender, *row) for row in one.with_room(room, dropped)}
            found["overtaken"] |= {(subscriber, *row) for row in one.overtaken()}
            found["elsewhere"] += sum(one.window(send) is None for send in one.lost())
    return found


class OneSender:
    def __init__(self, made, sender, subscriber):
        self.outages = made.outages
        accepted = [send for send in made.sends if send.outcome != "fail"]
        self.copies = Counter(send.id for send in accepted)
        self.mine = [send for send in accepted if send.sender == sender]
        self.got = [delivery for delivery in made.deliveries if delivery.subscriber == subscriber]

    def arrived(self, send):
        known = [delivery.at for delivery in self.got if delivery.id == send.id]
        return known[0] if known and self.copies[send.id] == 1 else math.inf

    def lost(self):
        known = {delivery.id for delivery in self.got}
        return [send for send in self.mine if send.outcome == "ok" and send.id not in known]

    def end(self, k):
        if self.outages[k].healed_at is None:
            return math.inf
        since = [self.arrived(send) for send in self.mine if send.at >= self.outages[k].started_at]
        return min((at for at in since if at >= self.outages[k].healed_at), default=math.inf)

    def window(self, send):
        begun = [k for k, outage in enumerate(self.outages) if outage.started_at <= send.at]
        if not begun:
            return None
        healed_at = self.outages[begun[-1]].healed_at
        inside = healed_at is None or send.at < healed_at or send.at <= self.end(begun[-1])
        return begun[-1] if inside else None

    def goes_on(self, k):
        """Whether the buffer wasn't flushed before the outage after this one."""
        return k + 1 < len(self.outages) and self.end(k) >= self.outages[k + 1].started_at

    def is_judged(self, send):
        k = self.window(send)
        while k is not None and self.goes_on(k):
            k += 1
        return k is not None and self.outages[k].healed_at is not None

    def too_many(self, room):
        for k, outage in enumerate(self.outages):
            if outage.healed_at is not None:
                sent = [send for send in self.mine if outage.started_at <= send.at < outage.healed_at]
                held = [send for send in sent if outage.healed_at <= self.arrived(send) < math.inf]
                ids = tuple(send.id for send in held if send.outcome == "ok")
                if len(ids) > room:
                    yield k, ids

    def with_room(self, room, dropped):
        lost = self.lost()
        for place, send in enumerate(self.mine):
            if any(send is one for one in lost) and self.is_judged(send):
                others = self.behind(place) if dropped == "oldest" else self.waiting(place)
                if others < room:
                    yield place, others

    def behind(self, place):
        later = self.mine[place + 1 :]
        until = min(map(self.arrived, later), default=math.inf)
        k = self.window(self.mine[place])
        if self.outages[k].kinds == ("cut",):
            until = min(until, self.end(k))
        return sum(other.at <= until for other in later)

    def waiting(self, place):
        k = self.window(self.mine[place])
        while k and self.goes_on(k - 1):
            k -= 1
        since = [other for other in self.mine[:place] if other.at >= self.outages[k].started_at]
        unarrived = [other for other in since if self.arrived(other) >= self.mine[place].at]
        lost = self.lost()
        return sum(not any(other is one for one in lost) or self.copies[other.id] > 1 for other in unarrived)

    def overtaken(self):
        order = {}
        for n, delivery in enumerate(self.got):
            order.setdefault(delivery.id, n)
        seen = [send for send in self.mine if self.copies[send.id] == 1 and send.id in order]
        for n, send in enumerate(seen):
            ahead = [other for other in seen[n + 1 :] if order[other.id] < order[send.id]]
            if ahead and self.is_judged(send):
                yield send.id, ahead[-1].id


moments = st.integers(0, 40)
names = st.sampled_from(["", "bob"])


@st.composite
def arbitrary_records(draw):
    at, outages = draw(st.integers(-1, 10)), []
    for _ in range(draw(st.integers(0, 3))):
        healed_at = at + draw(st.integers(0, 8))
        outages.append(Outage(at, healed_at, (draw(st.sampled_from(["cut", "stall"])),)))
        at = healed_at + draw(st.integers(1, 10))
    if draw(st.booleans()):
        outages.append(Outage(at, None, ("cut",)))
    senders = draw(st.sampled_from([["ann"], ["ann", "bob"]]))
    row = st.tuples(moments, st.sampled_from(["ok", "ok", "ok", "info", "fail"]), st.sampled_from(senders))
    rows = draw(st.lists(row, max_size=16))
    ids = draw(st.lists(st.integers(0, 20), min_size=len(rows), max_size=len(rows), unique=draw(st.booleans())))
    sends = [Send(id_, *row) for id_, row in zip(ids, rows, strict=True)]
    arrivals = st.tuples(st.sampled_from([*ids, 99]), moments, names)
    got = [Delivery(*arrival) for arrival in draw(st.lists(arrivals, max_size=16))]
    return DeliveryRecord(
        tuple(sorted(sends, key=lambda send: send.at)),
        tuple(sorted(got, key=lambda delivery: delivery.at)),
        ("", "bob"),
        tuple(outages),
        1000.0,
    )


@given(arbitrary_records(), st.integers(1, 4), st.sampled_from(["oldest", "newest"]))
def test_the_findings_are_those_of_the_definition(made, room, dropped):
    found = judge_buffering(made, room, dropped)
    places = {
        sender: [send for send in made.sends if send.outcome != "fail" and send.sender == sender]
        for sender in ("ann", "bob")
    }
    positions = {id(send): place for mine in places.values() for place, send in enumerate(mine)}
    expected = oracle(made, room, dropped)
    assert {(one.subscriber, one.sender, one.outage, one.ids) for one in found.too_many} == expected["too many"]
    assert {
        (lost.subscriber, lost.send.sender, positions[id(lost.send)], lost.others) for lost in found.with_room
    } == expected["with room"]
    assert {(one.subscriber, one.send.id, one.after) for one in found.overtaken} == expected["overtaken"]
    assert found.lost_elsewhere == expected["elsewhere"]
