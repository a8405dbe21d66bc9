"""Ten runs that somebody may have to understand: what the stories in ``stories/`` tell of."""

from __future__ import annotations

from tests.unit.matchers.scripts import Script

from pytest_netchaos.faults import Blackhole, Cut, Delay, Stall
from pytest_netchaos.history import merge_outages
from pytest_netchaos.ledger import Connect, Delivery, DeliveryRecord, Note, Send
from pytest_netchaos.report.facts import Facts, LedgerFacts, LinkFacts

REPLAY = "pytest tests/test_chat.py::test_it --netchaos-seed=7"
PLACE = "127.0.0.1:4000 to 127.0.0.1:5432"


def facts(now, *scripts, sends=None, deliveries=(), subscribers=("",), names=("chat",), notes=(), **more):
    links = []
    for script, name in zip(scripts, names, strict=True):
        history = script.at(now)
        links.append(LinkFacts(type(history)(name, now, history.dials, history.connections, history.faults), PLACE))
    ledgers = ()
    if sends is not None:
        outages = merge_outages(span for link in links for span in link.history.faults)
        arrived = tuple(sorted(deliveries, key=lambda delivery: delivery.at))
        ledgers = (LedgerFacts(DeliveryRecord(tuple(sends), arrived, subscribers, outages, now, **more)),)
    return Facts(tuple(links), ledgers, tuple(notes), (), REPLAY)


def every(step, count, begin=0.1):
    return [Send(number, round(begin + number * step, 4)) for number in range(count)]


def arrivals(sends, which, after=0.004, subscriber=""):
    return [Delivery(sends[number].id, sends[number].at + after, subscriber) for number in which]


def a_cut_that_loses_in_flight():
    script = Script().serve(0.0, 0.535, "fault", "RST", "cut").fault(Cut(), 0.535, 0.575, (1,))
    script.refuse(0.545).serve(0.6)
    sends = every(0.02, 40)
    return facts(1.0, script, sends=sends, deliveries=arrivals(sends, [*range(21), *range(26, 40)]))


def an_outage_with_recovery():
    script = Script().serve(0.0, 1.0, "fault", "RST", "cut").fault(Cut(), 1.0, 2.0, (1,))
    script.refuse(1.1).refuse(1.3).refuse(1.7).serve(2.5)
    sends = every(0.1, 40)
    kept = [Delivery(n, 2.51 + n / 1000) for n in range(9, 24)]
    return facts(4.2, script, sends=sends, deliveries=[*arrivals(sends, [*range(9), *range(24, 40)]), *kept])


def a_fault_that_hit_no_traffic():
    script = Script().fault(Cut(), 0.1, 0.3).serve(0.5)
    sends = every(0.02, 10, begin=0.55)
    return facts(1.0, script, sends=sends, deliveries=arrivals(sends, range(9)))


def duplicates_after_a_reconnect():
    script = Script().serve(0.0, 0.5, "fault", "RST", "cut").fault(Cut(), 0.5, 0.6, (1,)).refuse(0.55).serve(0.7)
    sends = every(0.05, 20)
    again = [Delivery(number, 0.71 + number / 1000) for number in range(4, 12)]
    return facts(1.2, script, sends=sends, deliveries=[*arrivals(sends, [*range(8), *range(12, 20)]), *again])


def messages_out_of_order():
    script = Script().serve(0.0).fault(Delay(0.1, jitter=0.1), 0.3, 0.8, (1,))
    sends = every(0.05, 20)
    late = {6: 0.19, 9: 0.17, 11: 0.12}
    came = [Delivery(send.id, send.at + late.get(send.id, 0.02)) for send in sends]
    return facts(1.2, script, sends=sends, deliveries=came)


def a_black_hole():
    script = Script().serve(0.0, 2.0, "fault", "RST", "blackhole").fault(Blackhole(), 0.5, 2.0, (1,)).serve(2.05)
    script._add(1.9, "counted", 1, 640, 320, 4096, 0)
    sends = every(0.1, 24)
    return facts(2.6, script, sends=sends, deliveries=arrivals(sends, [*range(4), *range(20, 24)]))


def a_flap_with_many_dials():
    script = Script()
    for cycle in range(6):
        begin = 0.5 + cycle
        script.serve(begin - 0.4, begin, "fault", "RST", "cut")
        for dial in range(20):
            script.refuse(begin + 0.01 + dial * 0.02)
    script.serve(6.2)
    for cycle in range(6):
        script.fault(Cut(), 0.5 + cycle, 1.0 + cycle, (cycle + 1,))
    return facts(7.0, script)


def two_links():
    db = Script().serve(0.0, 0.4, "fault", "RST", "cut").fault(Cut(), 0.4, 0.7, (1,)).refuse(0.5).serve(0.75)
    cache = Script().serve(0.05).fault(Stall(), 0.5, 0.9, (1,))
    sends = every(0.05, 20)
    deliveries = [
        *arrivals(sends, range(20), subscriber="ann"),
        *arrivals(sends, [*range(6), *range(14, 20)], subscriber="bob"),
    ]
    return facts(
        1.3, db, cache, names=("db", "cache"), sends=sends, deliveries=deliveries, subscribers=("ann", "bob"),
        connects=(Connect(0.01, "ann"), Connect(0.02, "bob")),
    )  # fmt: skip


def no_ledger():
    script = Script().serve(0.0, 0.3, "fault", "RST", "cut").fault(Cut(), 0.3, 1.3, (1,))
    for at in (0.4, 0.6, 1.0):
        script.refuse(at)
    return facts(2.3, script, notes=(Note(1.35, "the client logs: giving up"),))


def many_sends():
    script = Script()
    for number in range(60):
        begin = number * 1.0
        script.serve(begin + 0.02, begin + 0.9, *(("fault", "RST", "cut") if number % 2 else ("client", "FIN", "")))
    for number in range(1, 60, 2):
        script.fault(Cut(), number + 0.9, number + 0.95, (number + 1,))
    sends = every(0.01, 6000, begin=0.1)
    came = [number for number in range(6000) if (sends[number].at % 2) < 1.89]
    return facts(61.0, script, sends=sends, deliveries=arrivals(sends, came))


SITUATIONS = {
    made.__name__: made
    for made in (
        a_cut_that_loses_in_flight,
        an_outage_with_recovery,
        a_fault_that_hit_no_traffic,
        duplicates_after_a_reconnect,
        messages_out_of_order,
        a_black_hole,
        a_flap_with_many_dials,
        two_links,
        no_ledger,
        many_sends,
    )
}
