from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.generated import clean, records

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.verdict import Verdict
from pytest_netchaos.ledger import Delivery, DeliveryRecord, Ledger, Send
from pytest_netchaos.matchers import at_least_once, at_most_once, check, exactly_once
from pytest_netchaos.matchers.delivery import gap_free

CUT = Outage(1.0, 2.0, ("cut",))
STALL = Outage(3.0, 4.0, ("stall",))
RESET = Outage(1.0, 1.0, ("reset",))


def ledger(sent, got, *, outages=(), subscriber="", delay=0.01):
    """A ledger of ids such as ``m6`` that were sent 0.1 s apart, and arrived ``delay`` later."""
    made = Ledger(lambda: outages, clock=lambda: 100.0)
    for n in sent:
        made.sent(f"m{n}", at=n / 10)
    for n in got:
        made.delivered(f"m{n}", subscriber=subscriber, at=n / 10 + delay)
    return made


def plain(sent, got, outcomes=()):
    made = Ledger(clock=lambda: 100.0)
    for n, id_ in enumerate(sent):
        made.sent(id_, at=float(n), outcome=dict(outcomes).get(id_, "ok"))
    for n, id_ in enumerate(got):
        made.delivered(id_, at=50.0 + n)
    return made


PASSES = {at_most_once: "M", at_least_once: "L", exactly_once: "X"}


@pytest.mark.parametrize("contract", PASSES)
@pytest.mark.parametrize(
    ("sent", "got", "outcomes", "held"),
    [
        pytest.param("abc", "abc", {}, "MLX", id="clean"),
        pytest.param("abc", "ab", {}, "M", id="lost"),
        pytest.param("abc", "abbc", {}, "L", id="duplicated"),
        pytest.param("abc", "abcx", {}, "", id="unexpected"),
        pytest.param("abc", "abc", {"b": "fail"}, "L", id="phantom"),
        pytest.param("abc", "ac", {"b": "fail"}, "MLX", id="failed"),
        pytest.param("abc", "abc", {"b": "info"}, "MLX", id="recovered"),
        pytest.param("abc", "ac", {"b": "info"}, "MLX", id="unclear"),
        pytest.param("abc", "cba", {}, "MLX", id="out of order"),
        pytest.param("abc", "acc", {}, "", id="lost and duplicated"),
        pytest.param("aab", "aab", {}, "MLX", id="sent twice"),
        pytest.param("abc", "", {}, "", id="nothing arrived"),
        pytest.param("abc", "", dict.fromkeys("abc", "info"), "", id="nothing to judge"),
        pytest.param("", "", {}, "", id="empty"),
        pytest.param("", "x", {}, "", id="only unexpected"),
    ],
)
def test_what_each_contract_allows(contract, sent, got, outcomes, held):
    assert (plain(sent, got, outcomes) == contract()) is (PASSES[contract] in held)


@pytest.mark.parametrize("contract", PASSES)
@pytest.mark.parametrize(("got", "held"), [("abc", True), ("acb", False), ("bac", False)])
def test_in_order(contract, got, held):
    assert (plain("abc", got) == contract(in_order=True)) is held


def test_a_gap_is_in_order():
    assert plain("abc", "ac") == at_most_once(in_order=True)


def test_a_late_duplicate_is_in_order():
    assert plain("abc", "abca") == at_least_once(in_order=True)


def test_a_record_is_judged_like_its_ledger():
    assert plain("abc", "abc").record() == exactly_once()
    assert plain("abc", "ab").record() != exactly_once()


def test_in_order_is_a_keyword():
    with pytest.raises(TypeError):
        exactly_once(True)


def test_a_verdict_is_final():
    assert exactly_once().deadline(plain("abc", "ab")) is None


def explain(made, matcher):
    return "\n".join(matcher.explain(made))


def test_an_empty_ledger_is_nothing_to_judge():
    assert explain(Ledger(), exactly_once()) == "nothing was sent: nothing to judge: exactly_once()"


def test_a_dead_network_is_nothing_to_judge():
    said = "sent 3, received 0: nothing to judge: at_most_once()"
    assert explain(plain("abc", ""), at_most_once()) == said


def test_the_example_of_the_handbook():
    made = plain("abcdefgh", "abbdcgh")
    assert explain(made, exactly_once(in_order=True)) == (
        "sent 8, received 7: 2 lost, 1 duplicated, 1 out of order\n"
        "  lost          'e', 'f'  no fault in force, sent 4.000..5.000s after the first\n"
        "  duplicated    'b' ×2\n"
        "  out of order  'c' after 'd'"
    )


def test_only_what_the_contract_forbids_is_told():
    made = plain("abc", "cbb")
    assert explain(made, at_least_once()) == (
        "sent 3, received 3: 1 lost\n  lost          'a'  no fault in force, sent 0.000s after the first"
    )
    assert explain(made, at_most_once()) == "sent 3, received 3: 1 duplicated\n  duplicated    'b' ×2"


def test_each_phase_of_a_cut():
    got = [*range(3), *range(4, 8), *range(21, 23), 24]
    assert explain(ledger(range(25), got, outages=[CUT]), exactly_once()) == (
        "sent 25, received 10: 15 lost\n"
        "  lost          'm3'  before the cut (a later one arrived), sent 0.700s before it\n"
        "  lost          'm8', 'm9'  in flight at the cut, sent 0.100..0.200s before it\n"
        "  lost          'm10' … 'm19' (10)  during the cut, sent 0.000..0.900s into it\n"
        "  lost          'm20'  after the heal, sent 0.000s after it\n"
        "  lost          'm23'  after deliveries had resumed, sent 0.300s after the heal"
    )


def test_a_reset_has_no_heal():
    assert explain(ledger(range(8, 14), [8, 12], outages=[RESET]), exactly_once()) == (
        "sent 6, received 2: 4 lost\n"
        "  lost          'm9'  in flight at the reset, sent 0.100s before it\n"
        "  lost          'm10', 'm11'  after the reset, sent 0.000..0.100s after it\n"
        "  lost          'm13'  after deliveries had resumed, sent 0.300s after the reset"
    )


def test_one_of_several_outages_is_numbered():
    assert explain(ledger([0, 15, 25, 41], [0, 25], outages=[CUT, STALL]), exactly_once()) == (
        "sent 4, received 2: 2 lost\n"
        "  lost          'm15'  during the cut (outage 1 of 2), sent 0.500s into it\n"
        "  lost          'm41'  after the heal (outage 2 of 2), sent 0.100s after it"
    )


@pytest.mark.parametrize(
    ("outages", "faults"),
    [([CUT, STALL], "2 faults"), ([CUT, Outage(3.0, 4.0, ("cut",))], "2 cuts")],
)
def test_several_outages_are_counted(outages, faults):
    made = ledger([0, 15, 21, 25, 35, 41, 45], [0, 25, 45], outages=outages)
    assert explain(made, exactly_once()) == (
        "sent 7, received 3: 4 lost\n"
        f"  lost          'm15', 'm35'  during {faults}, sent 0.500s into them\n"
        "  lost          'm21', 'm41'  after 2 heals, sent 0.100s after them"
    )


def test_several_resets_are_counted():
    resets = [RESET, Outage(3.0, 3.0, ("reset",))]
    assert explain(ledger([0, 11, 25, 31, 35], [0, 25, 35], outages=resets), exactly_once()) == (
        "sent 5, received 3: 2 lost\n  lost          'm11', 'm31'  after 2 resets, sent 0.100s after them"
    )


def test_a_fault_of_several_kinds_is_named_by_all():
    both = Outage(1.0, 2.0, ("cut", "stall"))
    assert "during the cut and stall, sent 0.500s into it" in explain(
        ledger([0, 15], [0], outages=[both]), exactly_once()
    )


def test_subscribers_are_named_where_there_are_several():
    made = ledger([0, 1, 15], [0, 1, 1], outages=[CUT], subscriber="ann")
    made.delivered("m0", subscriber="bob", at=0.5)
    made.delivered("m15", subscriber="bob", at=2.5)
    made.delivered("x", subscriber="bob", at=2.5)
    made.delivered("m1", subscriber="bob", at=2.6)
    assert explain(made, exactly_once(in_order=True)) == (
        "sent 3 to 2 subscribers, received 7: 1 lost, 1 duplicated, 1 unexpected, 1 out of order\n"
        "  lost          'm15' to 'ann'  during the cut, sent 0.500s into it\n"
        "  duplicated    'm1' ×2 to 'ann'\n"
        "  unexpected    'x' to 'bob'\n"
        "  out of order  'm1' after 'm15' to 'bob'"
    )


def test_a_subscriber_that_was_declared_and_got_nothing_has_lost_everything():
    made = ledger([0, 1], [0, 1], subscriber="ann")
    assert made == exactly_once()
    made.expect("bob")
    assert explain(made, exactly_once()) == (
        "sent 2 to 2 subscribers, received 2: 2 lost\n"
        "  lost          'm0', 'm1' to 'bob'  no fault in force, sent 0.000..0.100s after the first"
    )


def test_many_subscribers_are_told_by_phase():
    made = ledger([0, 8, 15], [0], outages=[CUT], subscriber="s0")
    made.expect(*(f"s{n}" for n in range(1, 50)))
    assert explain(made, exactly_once()) == (
        "sent 3 to 50 subscribers, received 1: 149 lost\n"
        "  lost          'm0', 'm8' (99) to 50 subscribers  in flight at the cut, sent 0.200..1.000s before it\n"
        "  lost          'm15' (50) to 50 subscribers  during the cut, sent 0.500s into it"
    )


def test_a_few_groups_are_told_by_subscriber():
    made = ledger([0, 8, 15], [0], outages=[CUT], subscriber="ann")
    made.expect("bob")
    assert [line.rsplit("  ", 1)[0] for line in exactly_once().explain(made)[1:]] == [
        "  lost          'm0', 'm8' to 'bob'",
        "  lost          'm8' to 'ann'",
        "  lost          'm15' to 'bob'",
        "  lost          'm15' to 'ann'",
    ]


def test_one_group_more_is_told_by_phase():
    made = ledger([0, 8, 15, 25, 26], [0, 26], outages=[CUT], subscriber="ann")
    for id_ in ("m25", "m26"):
        made.delivered(id_, subscriber="bob", at=2.7)
    assert explain(made, exactly_once()) == (
        "sent 5 to 2 subscribers, received 4: 6 lost\n"
        "  lost          'm0', 'm8' (3) to 2 subscribers  in flight at the cut, sent 0.200..1.000s before it\n"
        "  lost          'm15' (2) to 2 subscribers  during the cut, sent 0.500s into it\n"
        "  lost          'm25' to 'ann'  after the heal, sent 0.500s after it"
    )


def test_without_a_fault_a_time_counts_from_the_first_send():
    assert explain(ledger([20, 25], [20]), exactly_once()) == (
        "sent 2, received 1: 1 lost\n  lost          'm25'  no fault in force, sent 0.500s after the first"
    )


def test_three_are_named_one_by_one():
    assert explain(plain("abc", "aabbcc"), exactly_once()).endswith("'a' ×2, 'b' ×2, 'c' ×2")
    assert "'a', 'b', 'c'  no fault" in explain(plain("abcd", "d"), exactly_once())


def test_of_many_the_first_are_named():
    got = [*"abcde", *"abcde", *"vwxyz"]
    assert explain(plain("abcde", got), exactly_once()) == (
        "sent 5, received 15: 5 duplicated, 5 unexpected\n"
        "  duplicated    'a' ×2, 'b' ×2, 'c' ×2 … (5)\n"
        "  unexpected    'v', 'w', 'x' … (5)"
    )


def test_a_phantom_is_told():
    assert (
        explain(plain("ab", "ab", {"a": "fail"}), exactly_once())
        == "sent 2, received 2: 1 phantom\n  phantom       'a'"
    )


def test_a_long_id_is_cut_short():
    assert explain(plain(["x" * 100], ["x" * 100] * 2), exactly_once()).splitlines()[1] == (
        "  duplicated    'xxxxxxxxxx…xxxxxxxxxxx' ×2"
    )


def test_an_id_that_just_fits_is_whole():
    assert f"{'x' * 22!r} ×2" in explain(plain(["x" * 22], ["x" * 22] * 2), exactly_once())


def test_one_line_of_each_kind_is_among_the_eight_that_pytest_shows():
    got = [*range(3), *range(4, 8), *range(21, 23), 24, 22]
    made = ledger(range(25), got, outages=[CUT])
    made.sent("refused", outcome="fail", at=0.05)
    for id_ in ("refused", "never sent", "m20"):
        made.delivered(id_, at=9.0)
    made.sent("m21", at=2.35, outcome="info")
    lines = exactly_once(in_order=True).explain(made)
    assert [line[:14].strip() for line in lines[1:]] == [
        *["lost"] * 3,
        "duplicated",
        "unexpected",
        "phantom",
        "out of order",
        "lost",
    ]


def test_the_worst_case_fits_what_pytest_shows():
    long = Outage(1.0, 2.0, ("blackhole",)), Outage(3.0, 4.0, ("blackhole",))
    sent = [*range(50)]
    got = [5, 22, 23, 42, 44, 21]
    lines = exactly_once(in_order=True).explain(ledger(sent, [*got, *got], outages=long, delay=0.05))
    assert sum(map(len, lines[:8])) <= 640


def test_long_ids_and_names_leave_room_for_a_line_of_each_kind():
    names = "orders.eu-central-1.consumer-a", "orders.eu-central-1.consumer-b"
    cuts = tuple(Outage(10.0 * n, 10.0 * n + 5, ("blackhole",)) for n in (1, 2, 3))
    made = Ledger(lambda: cuts, clock=lambda: 100.0)
    for n in range(300):
        made.sent(f"order-created-event-{n:06}", at=5.0 + n / 10)
    for name in names:
        for n in range(0, 300, 7):
            for again in (0.0, 20.0):
                made.delivered(f"order-created-event-{n:06}", subscriber=name, at=70.0 + again - n / 100)
        made.delivered(f"order-created-event-{999:06}", subscriber=name, at=90.0)
    lines = exactly_once(in_order=True).explain(made)
    shown = [line for number, line in enumerate(lines) if number < 8 and sum(map(len, lines[: number + 1])) <= 640]
    assert [line[2:14].strip() for line in shown[1:]] == ["lost", "duplicated", "unexpected", "out of order"]
    assert "'order-crea…vent-000999' to 'orders.eu-….consumer-a'" in shown[3]
    assert len(lines) > len(shown)  # the rest is for those who ask for all of it


@pytest.mark.parametrize(
    ("sent", "delivered", "said"),
    [
        (1, "1", "1 (int) was sent, '1' (str) arrived: give both the same type"),
        (1, b"1", "1 (int) was sent, b'1' (bytes) arrived: give both the same type"),
        (
            "é",
            "é".encode(),
            "'é' (str) was sent, b'\\xc3\\xa9' (bytes) arrived: give both the same type",
        ),
    ],
)
def test_an_id_that_came_back_in_another_type_is_told(sent, delivered, said):
    made = plain(["x", sent], ["x", delivered])
    assert explain(made, exactly_once()) == (
        "sent 2, received 2: 1 lost, 1 unexpected\n"
        f"  lost          {sent!r}  no fault in force, sent 1.000s after the first\n"
        f"  unexpected    {delivered!r}\n"
        f"  types         {said}"
    )


def test_a_stranger_is_not_taken_for_a_lost_message():
    class Order:
        def __str__(self):
            return "order"

    assert "types" not in explain(plain([1, 2], [1, "3"]), exactly_once())
    assert "types" not in explain(plain([1, Order()], [1, Order()]), exactly_once())


# The three contracts, by an oracle that removes and adds one thing at a time.


@given(st.integers(1, 12), st.data())
def test_clean_traffic_is_accepted_by_all(count, data):
    unclear = data.draw(st.sets(st.integers(0, count - 1)))
    arrived = [n for n in range(count) if n not in unclear or data.draw(st.booleans())]
    outcomes = dict.fromkeys(unclear, "info")
    if arrived:
        for contract in PASSES if len(unclear) < count else [at_most_once]:
            check(plain(range(count), arrived, outcomes), contract(in_order=True))


@given(st.integers(2, 12), st.data(), st.sampled_from(["lose", "duplicate", "invent", "fail", "swap"]))
def test_a_planted_defect_is_found_and_blamed_on_its_contract(count, data, defect):
    got, outcomes = list(range(count)), {}
    at = data.draw(st.integers(0, count - 2))
    match defect:
        case "lose":
            del got[at]
        case "duplicate":
            got.insert(data.draw(st.integers(at, count)), at)
        case "invent":
            got.insert(at, "never sent")
        case "fail":
            outcomes[at] = "fail"
        case "swap":
            got[at], got[at + 1] = got[at + 1], got[at]
    made = plain(range(count), got, outcomes)
    broken = {contract for contract in PASSES if made != contract()}
    broken_in_order = {contract for contract in PASSES if made != contract(in_order=True)}
    assert (
        broken
        == {
            "lose": {at_least_once, exactly_once},
            "duplicate": {at_most_once, exactly_once},
            "invent": set(PASSES),
            "fail": {at_most_once, exactly_once},
            "swap": set(),
        }[defect]
    )
    assert broken_in_order == (set(PASSES) if defect == "swap" else broken)


# What a slip of the test looks like.


def test_an_id_that_was_sent_twice_by_mistake():
    made = plain("abcb", "abc")
    assert explain(made, exactly_once()) == (
        "sent 4, received 3: 1 lost\n"
        "  lost          'b'  no fault in force, sent 3.000s after the first\n"
        "  sent again    'b' was sent twice and acknowledged twice, delivered once: "
        "a re-send by the client itself is not to be written down"
    )


def test_several_ids_that_were_sent_again_by_mistake():
    made = plain("ababa", "ab", {})
    made.expect("bob")
    assert explain(made, at_least_once()).splitlines()[-1] == (
        "  sent again    'a' was sent 3 times and acknowledged 3 times, delivered once to '', and 1 more like it: "
        "a re-send by the client itself is not to be written down"
    )


def test_a_delivery_that_was_never_sent():
    assert explain(plain("a", "ax"), at_least_once()) == "sent 1, received 2: 1 unexpected\n  unexpected    'x'"


def test_a_subscriber_that_a_hand_made_record_does_not_list_can_lose_something():
    record = DeliveryRecord((Send("a", 1.0), Send("b", 2.0)), (Delivery("b", 3.0, "eve"),), ("ann",), (), 9.0)
    assert exactly_once().explain(record) == [
        "sent 2 to 2 subscribers, received 1: 3 lost",
        "  lost          'a', 'b' to 'ann'  no fault in force, sent 0.000..1.000s after the first",
        "  lost          'a' to 'eve'  no fault in force, sent 0.000s after the first",
    ]


# gap_free


@pytest.mark.parametrize(
    ("sent", "got", "outcomes", "held"),
    [
        pytest.param("abc", "abc", {}, True, id="clean"),
        pytest.param("abc", "ac", {}, False, id="a gap"),
        pytest.param("abcd", "bc", {}, True, id="came late and left early"),
        pytest.param("abc", "acb", {}, True, id="filled late"),
        pytest.param("abc", "aabbcc", {}, True, id="duplicates"),
        pytest.param("abc", "abxc", {}, True, id="a stranger"),
        pytest.param("abc", "ac", {"b": "info"}, True, id="unclear"),
        pytest.param("abc", "ac", {"b": "fail"}, True, id="refused"),
        pytest.param("abc", "abc", {"b": "fail"}, True, id="phantom"),
    ],
)
def test_what_a_gap_is(sent, got, outcomes, held):
    assert (plain(sent, got, outcomes) == gap_free()) is held


def test_a_gap_that_is_filled_late_is_out_of_order():
    assert gap_free(in_order=True).explain(plain("abc", "acb")) == [
        "sent 3, received 3: 1 out of order",
        "  out of order  'b' after 'c'",
    ]


@pytest.mark.parametrize(("sent", "got"), [("abc", "b"), ("abc", "bb"), ("abc", "bx")])
def test_between_fewer_than_two_there_is_no_gap_to_be_seen(sent, got):
    made = plain(sent, got)
    assert gap_free().judge(made) is Verdict.UNKNOWN
    few = "no subscriber got two messages of the same sender, so there is no gap to be seen"
    assert gap_free().explain(made) == [f"sent 3, received {len(got)}: {few}: gap_free()"]


def test_one_of_each_sender_leaves_no_gap_to_be_seen():
    made = Ledger(clock=lambda: 100.0)
    for n, (id_, sender) in enumerate([("a", "s"), ("b", "t")]):
        made.sent(id_, sender=sender, at=float(n))
        made.delivered(id_, at=50.0)
    assert gap_free().judge(made) is Verdict.UNKNOWN


def test_a_gap_is_told_with_its_neighbours_and_the_fault():
    got = [*range(12), *range(14, 18), *range(21, 25)]
    assert explain(ledger(range(25), got, outages=[CUT]), gap_free()) == (
        "sent 25, received 20: 5 skipped\n"
        "  lost          'm12' … 'm19' (4)  during the cut, sent 0.200..0.900s into it\n"
        "  lost          'm20'  after the heal, sent 0.000s after it\n"
        "  skipped       'm12', 'm13', between 'm11' and 'm14' … (2 gaps)"
    )


def test_a_gap_is_told_with_its_subscriber_where_there_are_several():
    made = ledger([0, 1, 2, 3], [0, 3], subscriber="ann")
    for n in (0, 1, 2):
        made.delivered(f"m{n}", subscriber="bob", at=9.0)
    assert explain(made, gap_free()) == (
        "sent 4 to 2 subscribers, received 5: 2 skipped\n"
        "  lost          'm1', 'm2' to 'ann'  no fault in force, sent 0.100..0.200s after the first\n"
        "  skipped       'm1', 'm2' to 'ann', between 'm0' and 'm3'"
    )


@given(clean(), st.data())
def test_a_planted_gap_is_found_and_a_missing_end_is_none(made, data):
    subscriber = data.draw(st.sampled_from(made.record.subscribers))
    got = {delivery.id for delivery in made.record.deliveries if delivery.subscriber == subscriber}
    target = data.draw(st.sampled_from(made.accepted))
    mine = [send.at for send in made.record.sends if send.id in got and send.sender == target.sender]
    inside = min(mine) < target.at < max(mine)
    changed = made.without((target.id, subscriber))
    assert (gap_free().judge(changed) is Verdict.INVALID) is inside
    if inside:
        line = next(line for line in gap_free().explain(changed) if "skipped   " in line)
        assert f"  {target.id!r}" in line
        assert "between" in line
        assert len(made.record.subscribers) == 1 or repr(subscriber) in line


@given(records())
def test_gaps_agree_with_the_definition_where_each_id_is_sent_once(record):
    sends = tuple({send.id: send for send in reversed(record.sends)}.values())
    record = DeliveryRecord(
        tuple(sorted(sends, key=lambda send: send.at)), record.deliveries, record.subscribers, record.outages, 1000.0
    )
    broken = False
    for subscriber in {*record.subscribers, *(delivery.subscriber for delivery in record.deliveries)}:
        got = {delivery.id for delivery in record.deliveries if delivery.subscriber == subscriber}
        for sender in "st":
            line = [send for send in record.sends if send.sender == sender]
            places = [place for place, send in enumerate(line) if send.id in got]
            between = line[places[0] : places[-1]] if places else []
            broken |= any(send.outcome == "ok" and send.id not in got for send in between)
    assert (gap_free().judge(record) is Verdict.INVALID) is broken
