from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import clean, records

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.attribution import disjoint
from pytest_netchaos.judging.crossing import crossed
from pytest_netchaos.judging.delivery import audit
from pytest_netchaos.judging.verdict import Verdict
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Ledger, Send
from pytest_netchaos.matchers.base import check
from pytest_netchaos.matchers.delivery import at_least_once, at_most_once, exactly_once, gap_free
from pytest_netchaos.matchers.lost_during import lost_only_during

CUT = Outage(10.0, 20.0, ("cut",))
STALL = Outage(30.0, 40.0, ("stall",))
ALL = (at_most_once, at_least_once, exactly_once, gap_free, lost_only_during)


def record(sends, deliveries, *, outages=(), strict=False, now=100.0, subscribers=("",)):
    """Ids that are their own times; deliveries come 0.1 s later."""
    return DeliveryRecord(
        tuple(Send(at, float(at)) for at in sends),
        tuple(Delivery(at, at + 0.1, subscriber) for at in deliveries for subscriber in subscribers),
        subscribers,
        tuple(outages),
        now,
        strict=strict,
    )


@pytest.mark.parametrize("contract", ALL)
def test_what_kept_it_across_a_fault_is_valid(contract):
    made = record([1, 15, 25], [1, 15, 25], outages=[CUT], strict=True)
    assert contract().judge(made) is Verdict.VALID
    assert made == contract()


@pytest.mark.parametrize("contract", ALL[:4])
@pytest.mark.parametrize("outages", [[], [CUT], [CUT, STALL]], ids=["no fault", "one", "two"])
def test_what_crossed_no_fault_is_unknown_and_fails_only_if_strict(contract, outages):
    made = record([1, 2], [1, 2], outages=outages)
    assert contract().judge(made) is Verdict.UNKNOWN
    assert made == contract()
    strict = replace(made, strict=True)
    assert contract().judge(strict) is Verdict.UNKNOWN
    assert strict != contract()


@pytest.mark.parametrize("contract", ALL)
def test_the_matchers_own_strict_wins(contract):
    made = record([1, 2], [1, 2], outages=[CUT])
    assert made != contract(strict=True)
    assert replace(made, strict=True) == contract(strict=False)


def test_a_broken_contract_is_invalid_whether_a_fault_was_crossed_or_not():
    for outages in ([], [CUT]):
        assert exactly_once().judge(record([1, 2], [1], outages=outages)) is Verdict.INVALID


@pytest.mark.parametrize("contract", ALL)
@pytest.mark.parametrize(
    ("sends", "deliveries"), [([], []), ([15], [])], ids=["nothing was sent", "nothing was received"]
)
def test_nothing_to_judge_is_no_pass(contract, sends, deliveries):
    made = record(sends, deliveries, outages=[CUT])
    assert made != contract(strict=False)
    assert contract().judge(made) in {Verdict.UNKNOWN, Verdict.INVALID}


@pytest.mark.parametrize("contract", ALL)
def test_where_nothing_was_acknowledged_nothing_could_be_lost(contract):
    made = Ledger(lambda: [CUT], clock=lambda: 100.0)
    for n in range(5):
        made.sent(n, outcome="info", at=11.0 + n)
    for n in (0, 1):
        made.delivered(n, at=21.0 + n)
    if contract is at_most_once:
        assert made == contract()
    else:
        assert contract().judge(made) is Verdict.UNKNOWN
        said = "sent 5, received 2: nothing was acknowledged, so nothing could be lost: nothing to judge"
        assert contract().explain(made) == [f"{said}: {contract.__name__}()"]


def test_lost_only_during_judges_no_deliveries_of_what_nobody_sent():
    made = Ledger(lambda: [CUT], clock=lambda: 100.0)
    made.delivered("a", at=15.0)
    assert made != lost_only_during()


def test_a_ledger_is_judged_too():
    made = Ledger(lambda: [CUT], clock=lambda: 100.0, strict=True)
    made.sent("a", at=15.0)
    made.delivered("a", at=25.0)
    assert exactly_once().judge(made) is Verdict.VALID
    assert made == exactly_once()


def test_only_ledgers_are_judged():
    with pytest.raises(TypeError, match=r"^exactly_once\(\) judges a ledger, not 'dict'$"):
        exactly_once().judge({})


@pytest.mark.parametrize("contract", ALL)
@pytest.mark.parametrize("value", [1, "yes"])
def test_strict_is_a_flag(contract, value):
    with pytest.raises(TypeError, match=f"^strict must be True or False, not {value!r}$"):
        contract(strict=value)


@pytest.mark.parametrize("contract", ALL[:4])
@pytest.mark.parametrize("value", [1, None])
def test_in_order_is_a_flag(contract, value):
    with pytest.raises(TypeError, match=f"^in_order must be True or False, not {value!r}$"):
        contract(in_order=value)


def test_what_was_said_shows_in_the_repr():
    assert repr(exactly_once(in_order=True, strict=False)) == "exactly_once(strict=False, in_order=True)"


# The texts.


def test_strict_without_a_fault():
    assert exactly_once().explain(record([1, 2], [1, 2], strict=True)) == [
        "nothing broke the network, and strict asks for a message that crosses a fault: exactly_once()",
        "  sent 2, received 2",
        "  break the network while messages are sent (link.cut(), link.stall(), …), or say strict=False",
    ]


def test_strict_with_a_fault_that_came_too_late():
    assert exactly_once(strict=True).explain(record([1, 2], [1, 2], outages=[CUT])) == [
        "no message crossed the cut, and strict asks for one that does: exactly_once(strict=True)",
        "  sent 2, received 2, the last one sent 8.000s before it began, and nothing in flight by then",
        "  send during the fault, and after its heal, or say strict=False",
    ]


def test_strict_with_several_faults():
    assert exactly_once().explain(record([1], [1], outages=[CUT, STALL], strict=True))[0] == (
        "no message crossed any of 2 faults, and strict asks for one that does: exactly_once()"
    )


EARLY = [
    "the clocks disagree: 'b' was delivered 2.500000s before it was sent, the worst of 2: exactly_once()",
    "  take every at= from time.monotonic(), and write a send down before it is made (or use ledger.sending)",
]


@pytest.mark.parametrize("outages", [[], [Outage(1.0, 2.0, ("cut",))]], ids=["no fault", "a fault was crossed"])
def test_what_arrived_before_it_was_sent_cannot_be_judged(outages):
    sends, got = (Send("a", 5.0), Send("b", 6.0)), (Delivery("b", 3.5), Delivery("a", 4.0))
    made = DeliveryRecord(sends, got, ("",), tuple(outages), 100.0)
    assert exactly_once().explain(made) == EARLY
    assert exactly_once(strict=False) != made
    assert exactly_once().judge(made) is Verdict.UNKNOWN


def test_what_was_written_down_for_the_future_cannot_be_judged():
    made = Ledger(clock=lambda: 1000.0)
    made.sent("a", at=1_700_000_000.0)  # time.time()
    made.delivered("a", at=1_700_000_000.25)
    assert exactly_once().explain(made) == [
        "the clocks disagree: 'a' was delivered 1699999000.250000s in the future, the worst of 2: exactly_once()",
        EARLY[1],
    ]


def test_the_subscriber_of_an_impossible_time_is_named_where_there_are_several():
    made = DeliveryRecord(
        (Send("a", 5.0),), (Delivery("a", 4.0, "bob"), Delivery("a", 6.0, "ann")), ("ann", "bob"), (), 9.0
    )
    assert exactly_once().explain(made)[0] == (
        "the clocks disagree: 'a' was delivered to 'bob' 1.000000s before it was sent: exactly_once()"
    )


def test_clocks_that_disagree_are_told_beside_what_is_wrong_in_any_case():
    made = DeliveryRecord((Send("a", 5.0), Send("b", 6.0)), (Delivery("a", 4.0),), ("",), (), 100.0)
    assert exactly_once().explain(made) == [
        "sent 2, received 1: 1 lost",
        "  lost          'b'  no fault in force, sent 1.000s after the first",
        f"  clocks        'a' was delivered 1.000000s before it was sent:{EARLY[1][1:]}",
    ]
    assert exactly_once().judge(made) is Verdict.INVALID


# Oracles.


def verdict_by_definition(made, broken, contract):
    """The worst of what the definitions say."""
    known = {send.id: min(s.at for s in made.sends if s.id == send.id) for send in made.sends}
    impossible = any(entry.at > made.now for entry in (*made.sends, *made.deliveries)) or any(
        delivery.at < known.get(delivery.id, delivery.at) for delivery in made.deliveries
    )
    verdicts = [Verdict.INVALID] if broken else [Verdict.VALID]
    vacuous = contract is not at_most_once and all(send.outcome != "ok" for send in made.sends)
    if impossible or vacuous or not made.deliveries or not crossed(made, disjoint(made.outages)):
        verdicts.append(Verdict.UNKNOWN)
    return max(verdicts)


@given(records(), st.booleans(), st.sampled_from([None, True, False]))
def test_verdicts_of_the_contracts_agree_with_the_definitions(made, in_order, strict):
    found = audit(made)  # held to an oracle of its own
    kinds = {
        at_most_once: ("duplicated", "unexpected", "phantom"),
        at_least_once: ("lost", "unexpected"),
        exactly_once: ("lost", "duplicated", "unexpected", "phantom"),
    }
    for contract, forbidden in kinds.items():
        matcher = contract(in_order=in_order, strict=strict)
        broken = any(found.count(kind) for kind in forbidden) or (in_order and bool(found.out_of_order))
        assert matcher.judge(made) is verdict_by_definition(made, broken, contract), contract
        passes = matcher.judge(made) is Verdict.VALID or (
            not broken
            and not found.misdated
            and bool(made.deliveries)
            and (contract is at_most_once or any(send.outcome == "ok" for send in made.sends))
            and not (made.strict if strict is None else strict)
        )
        assert (made == matcher) is passes
        assert bool(matcher.explain(made)) is not passes


@given(clean())
def test_every_matcher_accepts_a_clean_record(made):
    for contract in ALL[:3]:
        check(made.record, contract(in_order=True))
        assert contract().judge(made.record) is verdict_by_definition(made.record, broken=False, contract=contract)
    for contract in ALL[3:]:
        # These need more to judge: two messages of one sender, or a fault.
        assert contract().judge(made.record) is not Verdict.INVALID


@given(clean(), st.data(), st.sampled_from(["lose", "duplicate", "invent", "refuse", "swap"]))
def test_a_planted_defect_is_found_named_and_blamed_on_its_contract(made, data, defect):
    subscriber = data.draw(st.sampled_from(made.record.subscribers))
    target = data.draw(st.sampled_from(made.accepted))
    place = made.position(target, subscriber)
    changed, named = made.record, repr(target.id)
    match defect:
        case "lose":
            changed = made.without((target.id, subscriber))
        case "duplicate":
            changed = made.plus(Delivery(target.id, target.at + 500.0, subscriber))
            named = f"{target.id!r} ×2"
        case "invent":
            changed, named = made.plus(Delivery("never sent", 500.0, subscriber)), "'never sent'"
        case "refuse":
            changed = made.with_send(target, target._replace(outcome="fail"))
        case "swap":
            later = [s for s in made.accepted if s.sender == target.sender and s.at > target.at]
            if not later:
                return
            entries = list(made.record.deliveries)
            entries[place] = entries[place]._replace(at=600.0)
            changed = replace(made.record, deliveries=tuple(sorted(entries, key=lambda entry: entry.at)))
            named = f"{target.id!r} after "
    found = {contract for contract in ALL[:3] if contract().judge(changed) is Verdict.INVALID}
    in_order = {contract for contract in ALL[:3] if contract(in_order=True).judge(changed) is Verdict.INVALID}
    expected = {
        "lose": {at_least_once, exactly_once},
        "duplicate": {at_most_once, exactly_once},
        "invent": set(ALL[:3]),
        "refuse": {at_most_once, exactly_once},
        "swap": set(),
    }[defect]
    assert found == expected
    assert in_order == (set(ALL[:3]) if defect == "swap" else expected)
    kind = {"lose": "lost", "duplicate": "duplicated", "invent": "unexpected", "refuse": "phantom"}.get(
        defect, "out of order"
    )
    lines = [line for line in exactly_once(in_order=True).explain(changed) if line.strip().startswith(kind)]
    assert len(lines) == 1
    assert named in lines[0]
    if len(made.record.subscribers) > 1 and defect != "refuse":
        assert repr(subscriber) in lines[0]
