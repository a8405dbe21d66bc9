from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import clean, outages, records

from pytest_netchaos.faults import Cut, Delay, Stall
from pytest_netchaos.history import FaultSpan, Outage
from pytest_netchaos.judging.attribution import disjoint
from pytest_netchaos.judging.verdict import Verdict
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Ledger, Send
from pytest_netchaos.matchers.anomalies import ADVICE
from pytest_netchaos.matchers.lost_during import lost_only_during

CUT = Outage(10.0, 20.0, ("cut",))
STALL = Outage(30.0, 40.0, ("stall",))
STILL_CUT = Outage(10.0, None, ("cut",))


def record(sends, lost, outages=(CUT,)):
    """Ids that are their own times; what isn't lost arrives 0.1 s later."""
    return DeliveryRecord(
        tuple(Send(at, float(at)) for at in sends),
        tuple(Delivery(at, at + 0.1) for at in sends if at not in lost),
        ("",),
        tuple(outages),
        100.0,
    )


@pytest.mark.parametrize(
    ("sends", "lost", "held"),
    [
        pytest.param([1, 15, 25], [15], True, id="during"),
        pytest.param([1, 10, 25], [10], True, id="as it began"),
        pytest.param([1, 20, 25], [20], False, id="at the heal"),
        pytest.param([1, 9, 25], [9], True, id="in flight"),
        pytest.param([1, 8, 9, 25], [8], False, id="long before"),
        pytest.param([1, 15, 21, 25], [15, 21], False, id="after the heal"),
        pytest.param([1, 21, 25], [25], False, id="after deliveries had resumed"),
        pytest.param([1, 15, 25], [], True, id="nothing lost"),
    ],
)
def test_what_may_be_lost(sends, lost, held):
    made = record(sends, lost)
    assert (made == lost_only_during()) is held
    assert (made == lost_only_during(CUT)) is held


def test_what_another_sender_got_through_is_no_proof_against_the_outage():
    made = Ledger(lambda: [CUT], clock=lambda: 100.0)
    for id_, sender, at, arrived in [
        ("a", "ann", 9.90, None),
        ("b", "bob", 9.91, 9.92),
        ("c", "ann", 20.50, 20.51),
    ]:
        made.sent(id_, sender=sender, at=at)
        if arrived:
            made.delivered(id_, at=arrived)
    assert made == lost_only_during()
    made.sent("d", sender="ann", at=9.95)
    made.delivered("d", at=9.96)
    assert made != lost_only_during()


def test_what_was_in_flight_may_be_excluded():
    made = record([1, 9, 25], [9])
    assert made != lost_only_during(in_flight=False)
    assert record([1, 15, 25], [15]) == lost_only_during(in_flight=False)


def test_an_outage_that_goes_on_counts_until_now():
    assert record([1, 15, 99], [15, 99], [STILL_CUT]) == lost_only_during()


def test_an_outage_that_was_taken_while_it_went_on_ends_with_that_of_the_ledger():
    assert record([1, 15, 25], [15]) == lost_only_during(STILL_CUT)
    assert record([1, 15, 21, 25], [15, 21]) != lost_only_during(STILL_CUT)
    assert record([1, 15, 21, 25], [15, 21], outages=[]) == lost_only_during(STILL_CUT), "nobody knows of an end"
    delay = FaultSpan(Delay(0.5), 10.0)
    assert record([1, 15, 21, 25], [15, 21]) == lost_only_during(delay), "it goes on, whatever began with it"


def test_a_fault_may_be_given_and_need_not_break_anything():
    made = record([1, 15, 25], [15], outages=[])
    assert made == lost_only_during(FaultSpan(Delay(0.5), 10.0, 20.0))
    assert made != lost_only_during(FaultSpan(Delay(0.5), 10.0, 14.0))


def test_of_several_outages_any_will_do():
    made = record([1, 15, 25, 35, 45], [15, 35], [CUT, STALL])
    assert made == lost_only_during()
    assert made == lost_only_during(STALL, CUT)
    assert made != lost_only_during(CUT)


def test_a_ledger_is_judged_by_its_outages():
    made = Ledger(lambda: [CUT], clock=lambda: 100.0)
    for at in (1.0, 15.0, 25.0):
        made.sent(at, at=at)
    for at in (1.0, 25.0):
        made.delivered(at, at=at)
    assert made == lost_only_during()


@pytest.mark.parametrize("value", [5.0, None, "cut", [CUT]])
def test_an_outage_is_a_stretch_of_time(value):
    with pytest.raises(TypeError) as caught:
        lost_only_during(value)
    said = "outages must be outages, faults or injections (what link.cut() returns, or one of link.history().outages)"
    assert str(caught.value) == f"{said}, not {value!r}"


def test_in_flight_is_a_flag():
    with pytest.raises(TypeError, match=r"^in_flight must be True or False, not 1$"):
        lost_only_during(in_flight=1)


@pytest.mark.parametrize(
    ("matcher", "said"),
    [
        (lost_only_during(), "lost_only_during()"),
        (lost_only_during(CUT), "lost_only_during(<cut>)"),
        (lost_only_during(FaultSpan(Stall(), 1.0)), "lost_only_during(<stall>)"),
        (lost_only_during(Outage(1.0, 2.0, ("cut", "stall")), CUT), "lost_only_during(<cut and stall>, <cut>)"),
        (lost_only_during(*[CUT] * 4), "lost_only_during(<4 faults>)"),
        (lost_only_during(in_flight=False, strict=True), "lost_only_during(in_flight=False, strict=True)"),
    ],
)
def test_its_repr_is_short(matcher, said):
    assert repr(matcher) == said


def test_two_that_say_the_same_are_equal():
    assert lost_only_during(CUT) == lost_only_during(CUT)
    assert lost_only_during(CUT) != lost_only_during(STALL)
    assert hash(lost_only_during(CUT)) == hash(lost_only_during(CUT))


# The texts.


def test_what_was_lost_after_the_heal_is_told():
    made = record([1, 12, 15, 20, 21, 25, 26], [12, 15, 20, 21, 26])
    assert lost_only_during().explain(made) == [
        "sent 7, received 2: 3 of 5 lost outside the cut: lost_only_during()",
        "  lost          20, 21  after the heal, sent 0.000..1.000s after it",
        "  lost          26  after deliveries had resumed, sent 6.000s after the heal",
    ]


def test_what_was_in_flight_is_told_where_it_may_not_be_lost():
    assert lost_only_during(in_flight=False).explain(record([1, 9, 15, 25], [9, 15])) == [
        "sent 4, received 2: 1 of 2 lost outside the cut: lost_only_during(in_flight=False)",
        "  lost          9  in flight at the cut, sent 1.000s before it",
    ]


def test_what_was_lost_in_another_fault_is_told_by_that_one():
    made = record([1, 15, 21, 25, 35, 41, 45], [15, 21, 35, 41], [CUT, STALL])
    assert lost_only_during(CUT).explain(made) == [
        "sent 7, received 3: 3 of 4 lost outside the cut: lost_only_during(<cut>)",
        "  lost          35  during the stall (outage 2 of 2), sent 5.000s into it",
        "  lost          21  after the heal, sent 1.000s after it",
        "  lost          41  after deliveries had resumed, sent 21.000s after the heal",
    ]


def test_several_outages_are_counted():
    made = record([1, 15, 21, 25, 35, 45], [21], [CUT, STALL])
    assert lost_only_during().explain(made) == [
        "sent 6, received 5: 1 of 1 lost outside 2 faults: lost_only_during()",
        "  lost          21  after the heal (outage 1 of 2), sent 1.000s after it",
    ]


def test_without_a_fault_every_loss_is_one_too_many():
    assert lost_only_during().explain(record([1, 2, 3], [2], [])) == [
        "sent 3, received 2: 1 lost, and no fault was in force: lost_only_during()",
        "  lost          2  no fault in force, sent 1.000s after the first",
    ]


def test_without_a_fault_nothing_can_be_lost_in_one():
    made = record([1, 2, 3], [], [])
    assert lost_only_during().judge(made) is Verdict.UNKNOWN
    assert lost_only_during().explain(made) == [
        "no fault was in force: nothing could be lost in one: lost_only_during()"
    ]


def test_a_given_fault_that_nothing_crossed_is_unknown():
    made = record([1, 15, 25], [])
    late = Outage(50.0, 60.0, ("stall",))
    assert lost_only_during(late).judge(made) is Verdict.UNKNOWN
    assert lost_only_during(late, strict=True).explain(made)[0] == (
        "no message crossed the stall, and strict asks for one that does: lost_only_during(<stall>, strict=True)"
    )


def test_clocks_that_disagree_are_told_with_the_losses():
    made = replace(record([1, 15, 21, 25], [21]), now=25.0)
    assert lost_only_during().explain(made) == [
        "sent 4, received 3: 1 of 1 lost outside the cut: lost_only_during()",
        "  lost          21  after the heal, sent 1.000s after it",
        f"  clocks        25 was delivered 0.100000s in the future: {ADVICE}",
    ]


def test_the_essential_part_fits_what_pytest_shows():
    many = [Outage(10.0 * n + 3, 10.0 * n + 4, ("blackhole",)) for n in range(1, 9)]
    sends = [n + half for n in range(90) for half in (0, 0.5)]
    made = record(sends, [at for at in sends if at % 10 in {2, 2.5, 4.5, 7}], many)
    lines = lost_only_during(in_flight=False).explain(made)
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640


# Planted defects, and an oracle.


@given(clean(), st.data())
def test_a_loss_is_accepted_in_an_outage_and_found_outside(made, data):
    target = data.draw(st.sampled_from(made.accepted))
    subscriber = data.draw(st.sampled_from(made.record.subscribers))
    changed = made.without((target.id, subscriber))
    inside = any(outage.started_at <= target.at < outage.healed_at for outage in disjoint(made.record.outages))
    start = min((each.started_at for each in made.record.outages if each.started_at > target.at), default=None)
    later = {send.id for send in made.record.sends if send.sender == target.sender and send.at > target.at}
    overtaken = start is not None and any(
        delivery.id in later and delivery.subscriber == subscriber and delivery.at <= start
        for delivery in made.record.deliveries
    )
    verdict = lost_only_during(in_flight=False).judge(changed)
    if inside:
        assert verdict is not Verdict.INVALID
    else:
        assert verdict is Verdict.INVALID
        lines = lost_only_during(in_flight=False).explain(changed)
        assert f"lost          {target.id!r}" in lines[1]
        assert lines[0].split(": ")[1].startswith("1 ")
    if overtaken and not inside:
        assert lost_only_during().judge(changed) is Verdict.INVALID


def outside(record, stretches, *, in_flight):
    """Count what was lost outside, straight from the definition and slowly."""
    count = 0
    for subscriber in dict.fromkeys([*record.subscribers, *(delivery.subscriber for delivery in record.deliveries)]):
        mine = [delivery for delivery in record.deliveries if delivery.subscriber == subscriber]
        left = [delivery.id for delivery in mine]
        for position, send in enumerate(record.sends):
            if send.outcome != "ok":
                continue
            if send.id in left:
                left.remove(send.id)
                continue
            if any(s.started_at <= send.at and (s.healed_at is None or send.at < s.healed_at) for s in stretches):
                continue
            starts = [s.started_at for s in stretches if s.started_at > send.at]
            heals = [s.healed_at for s in stretches if s.healed_at is not None and s.healed_at <= send.at]
            heal = max(heals, default=None)

            def since(first, last, sender=send.sender, heal=heal, starts=starts):
                """The sender's sends from ``first`` to ``last`` that lie in the same stretch between two outages."""
                return [
                    other
                    for other in record.sends[first:last]
                    if other.sender == sender
                    and (heal is None or other.at >= heal)
                    and (not starts or other.at < min(starts))
                ]

            def came(other, test, mine=mine):
                times = [delivery.at for delivery in mine if delivery.id == other.id]
                return bool(times) and test(times)

            back = heal is None or any(
                came(other, lambda times, heal=heal: max(times) >= heal) for other in since(0, position + 1)
            )
            under_way = bool(starts) and not any(
                came(other, lambda times, starts=starts: min(times) <= min(starts))
                for other in since(position, len(record.sends))
            )
            count += not (in_flight and back and under_way)
    return count


@given(records(), st.one_of(st.just(()), outages), st.booleans())
def test_it_agrees_with_the_definition(record, given_outages, in_flight):
    ends = {outage.started_at: outage.healed_at for outage in disjoint(record.outages)}
    known = [replace(o, healed_at=ends.get(o.started_at)) if o.healed_at is None else o for o in given_outages]
    stretches = disjoint(known or record.outages)
    count = outside(record, stretches, in_flight=in_flight)
    matcher = lost_only_during(*given_outages, in_flight=in_flight)
    assert (matcher.judge(record) is Verdict.INVALID) is (count > 0)
    if count:
        assert f": {count} " in matcher.explain(record)[0]
    if not stretches:
        assert matcher.judge(record) is not Verdict.VALID


def test_an_injection_will_do(netchaos):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        link = netchaos.link(server.getsockname())
        made = Ledger(netchaos.outages)
        made.sent("a")
        made.delivered("a")
        with link.inject(Cut()) as cut:
            made.sent("b")
        made.sent("c")
        made.delivered("c")
    assert made == lost_only_during(cut)
    assert made == lost_only_during()
    assert lost_only_during(cut).judge(made) is Verdict.VALID
