"""What the failures in docs/matchers.md are failures of: runs of bad clients, with exact times.

`SCENES` has for each section the names that its failing line uses; of several such lines, for each one.
"""

from __future__ import annotations

import random

from tests.unit.matchers.scripts import Script

from pytest_netchaos.faults import Blackhole, Cut
from pytest_netchaos.history import Outage
from pytest_netchaos.jitter import full
from pytest_netchaos.ledger import Connect, Delivery, DeliveryRecord, Send
from pytest_netchaos.settling import Look, Settling

#: The cut that most of them met.
CUT = Outage(1.0, 1.5, ("cut",))
NOW = 10.0


def record(sends, deliveries, subscribers=("",), outages=(CUT,), connects=()):
    in_time = sorted(deliveries, key=lambda delivery: delivery.at)
    return DeliveryRecord(tuple(sends), tuple(in_time), subscribers, outages, NOW, connects)


def sent(numbers, begin=0.5, step=0.1):
    return [Send(number, round(begin + step * place, 3)) for place, number in enumerate(numbers)]


def got(sends, numbers, after=0.02, subscriber=""):
    """The deliveries of these, each so many seconds after its send."""
    at = {send.id: send.at for send in sends}
    return [Delivery(number, at[number] + after, subscriber) for number in numbers]


def forgetful():
    sends = sent(range(8), begin=0.75)
    return record(sends, [*got(sends, (0, 1, 2, 4, 5, 6, 7)), Delivery(2, 1.8)])


def absent_subscriber():
    sends = sent(range(12), begin=0.6)
    both = [*got(sends, range(12), subscriber="ann"), *got(sends, (0, 1, 2, 3, 11), subscriber="bob")]
    return record(sends, both, ("ann", "bob"))


def sends_again():
    sends = sent(range(6), begin=0.85)
    return record(sends, [*got(sends, (0, 1, 5)), Delivery(1, 1.53), Delivery(4, 1.54)])


def misses_a_part():
    sends = sent(range(10), begin=0.6)
    return record(sends, got(sends, (2, 3, 9)))


def sleeps_on():
    sends = sent(range(12), begin=0.85)
    return record(sends, got(sends, (0, 10, 11)))


def drops_the_newest():
    sends = [*sent(range(6), begin=1.05, step=0.08), Send(6, 1.6)]
    return record(sends, [Delivery(6, 1.61), *(Delivery(n, 1.65 + n / 100) for n in range(3))])


def forgets_keys():
    sends = [Send((7, 1), 0.8), Send((7, 2), 1.2), Send((8, 1), 1.3), Send((8, 2), 1.4)]
    return record(sends, [Delivery((7, "done"), 0.85), Delivery((7, "done"), 1.55)])


def tries_too_often():
    tries = {1: (0.0, 0.1, 0.3, 0.7), 2: (0.0, 0.1, 0.3, 0.7, 1.5), 3: (0.0, 0.1)}
    return record([Send(n, 1.0 + n + at, "info") for n, waits in tries.items() for at in waits], [])


def begins_anew():
    sends = sent(range(6), begin=0.6)
    connects = (Connect(0.5, session="a"), Connect(1.55, session="b"))
    return record(sends, [*got(sends, range(4)), *(Delivery(n, 1.6 + n / 100) for n in range(6))], connects=connects)


def cut_short(*refused, start=1.0, heal=1.5, now=NOW, served=()):
    """A client that is connected at 0.2 s, cut, and refused and served at these times."""
    script = Script().serve(0.2, start, by="fault", how="RST", reason="cut").fault(Cut(), start, heal, (1,))
    for at in refused:
        script.refuse(at)
    for at in served:
        script.serve(at)
    return script.at(now)


def waited(*waits, now=600.0):
    """A client that is cut off at 1 s, waits so long each time, and is refused."""
    at, times = 1.0, []
    for wait in waits:
        at += wait
        times.append(at)
    return cut_short(*times, heal=None, now=now)


def calls_again():
    return Script().serve(0.2, 1.0, by="client").serve(1.5).at(2.5)


def herd(clients=20):
    script = Script()
    for number in range(clients):
        script.serve(0.1 + number / 1000, 1.0, by="fault", how="RST", reason="cut")
    script.fault(Cut(), 1.0, 1.2, tuple(range(1, clients + 1)))
    for number in range(clients):
        script.serve(2.0 + number / 500 + (1.0 if number > 16 else 0.0))
    return script.at(NOW)


def hears_nothing():
    return Script().serve(0.2).serve(0.4, 2.3, by="client").fault(Blackhole(), 1.0, None, (1, 2)).at(5.0)


class Restless:
    """Stands for the fixture ``netchaos``: a client that never comes to rest."""

    def settle(self, quiet=0.1, within=5.0, heartbeat_bytes=0):
        __tracebackhide__ = True
        settling = Settling(quiet, within, heartbeat_bytes)
        for tick in range(1000):
            at = 1.0 + tick / 20
            settling.take(Look(at, at, (_dialled_until(at),)))


def _dialled_until(now):
    script = Script()
    for number in range(int(now * 16)):
        script.serve(number / 16, number / 16 + 0.01, by="server")
    return script.at(now)


def drawn(mean, count):
    chance = random.Random(7)
    return waited(*(chance.uniform(0, 2 * mean) for _ in range(count)))


SCENES = {
    "exactly_once": [{"ledger": forgetful()}],
    "at_least_once": [{"ledger": absent_subscriber()}],
    "at_most_once": [{"ledger": sends_again()}],
    "gap_free": [{"ledger": misses_a_part()}],
    "lost_only_during": [{"ledger": sleeps_on(), "cut": CUT}],
    "buffered": [{"ledger": drops_the_newest()}],
    "deduplicated": [{"ledger": forgets_keys()}],
    "attempts": [{"ledger": tries_too_often()}],
    "resumed": [{"ledger": begins_anew()}],
    "reconnected": [{"link": cut_short(1.1, 1.3)}],
    "backoff": [
        {"link": waited(0.1, 0.2, 0.2, 0.4, 0.4)},
        {"link": waited(*[0.5] * 40), "full": full},
    ],
    "waits": [{"link": drawn(0.1, 40)}],
    "fingerprint": [{"link": waited(0.1, 0.2, 0.4, 0.4, 0.4)}] * 2,
    "dial_rate": [{"link": waited(*[0.001] * 900, now=2.0)}],
    "gave_up": [{"link": waited(0.1, 0.2, 0.4, 0.8, 1.6, now=6.0)}],
    "stayed_away": [{"link": calls_again()}],
    "no_thundering_herd": [{"link": herd()}],
    "dead_peer_detected": [{"link": hears_nothing()}],
    "judge": [{"ledger": record(sent((1, 2)), got(sent((1, 2)), (1, 2)), outages=())}],
    "eventually": [{"received": [1, 2]}],
    "settle": [{"netchaos": Restless()}],
}
