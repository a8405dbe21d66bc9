from __future__ import annotations

import pytest

from pytest_netchaos.history import Outage
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.buffers import buffered

CUT = Outage(1.0, 3.0, ("cut",))
RESET = Outage(1.0, 1.0, ("reset",))

#: None at the heal: it could have been in the buffer too.
SENT = [*range(30), *range(31, 40)]
SWAPPED = [*range(22), 23, 22, *SENT[24:]]


def ledger(lost=(), *, outages=(CUT,), sent=SENT, order=(), subscriber="", sender=""):
    """A ledger of ``m0``, ``m1`` …, sent 0.1 s apart; ``m10`` to ``m29``, in the cut, arrive in a burst after it."""
    made = Ledger(lambda: outages, clock=lambda: 100.0)
    for n in sent:
        made.sent(f"m{n}", at=n / 10, sender=sender)
    deliver(made, [n for n in order or sent if n not in lost], outages, subscriber)
    return made


def deliver(made, got, outages=(CUT,), subscriber=""):
    now = 0.0
    for n in got:
        heal = next((outage.healed_at for outage in outages if outage.started_at <= n / 10 < outage.healed_at), 0.0)
        now = max(n / 10 + 0.01, heal + 0.05, now + 0.001)
        made.delivered(f"m{n}", subscriber=subscriber, at=now)


def explain(made, matcher):
    return "\n".join(matcher.explain(made))


def test_ten_kept_and_the_oldest_dropped():
    made = ledger(range(10, 20))
    assert made == buffered(10)
    assert made != buffered(9)
    assert made != buffered(11)
    assert made != buffered(10, "newest")


def test_ten_kept_and_the_newest_dropped():
    made = ledger(range(20, 30))
    assert made == buffered(10, "newest")
    assert made != buffered(9, "newest")
    assert made != buffered(11, "newest")
    assert made != buffered(10)


def test_nothing_is_lost_where_there_is_room_for_all():
    assert ledger() == buffered(20)
    assert ledger([15]) != buffered(20)


def test_too_many():
    assert explain(ledger(range(10, 20)), buffered(9)) == (
        "sent 20 in the cut, arrived 10 later: 1 too many: buffered(max_size=9)\n"
        "  too many   'm20' … 'm29' (10), sent in the cut, arrived after its heal: room for 9"
    )


def test_lost_with_room_the_oldest():
    assert explain(ledger([*range(10, 21)]), buffered(10)) == (
        "sent 20 in the cut, arrived 9 later: 1 lost with room left: buffered(max_size=10)\n"
        "  lost       'm20', sent 1.000s after the cut began: 9 behind it before the buffer was sent, "
        "10 would push it out"
    )


def test_the_wrong_end():
    assert explain(ledger(range(20, 30)), buffered(10)) == (
        "sent 20 in the cut, arrived 10 later: 10 lost with room left: buffered(max_size=10)\n"
        "  lost       'm20' … 'm29' (10), sent 1.000..1.900s after the cut began: 0 to 9 behind it before the buffer "
        "was sent, 10 would push it out"
    )


def test_lost_with_room_the_newest():
    assert explain(ledger(range(18, 30)), buffered(10, "newest")) == (
        "sent 20 in the cut, arrived 8 later: 12 lost with room left: buffered(max_size=10, dropped='newest')\n"
        "  lost       'm18' … 'm29' (12), sent 0.800..1.900s after the cut began: 8 waiting when it came, "
        "10 would leave no room"
    )


def test_overtaken():
    assert explain(ledger(order=SWAPPED), buffered(20)) == (
        "sent 20 in the cut, arrived 20 later: 1 overtaken: buffered(max_size=20)\n"
        "  overtaken  'm22', sent 1.200s after the cut began: arrived after 'm23'"
    )


def test_all_kinds_and_what_is_not_judged():
    assert explain(ledger([5, *range(10, 20), 27, 35], order=SWAPPED), buffered(8)) == (
        "sent 20 in the cut, arrived 9 later: 1 too many, 1 lost with room left, 1 overtaken: buffered(max_size=8)\n"
        "  too many   'm20' … 'm29' (9), sent in the cut, arrived after its heal: room for 8\n"
        "  lost       'm27', sent 1.700s after the cut began: 2 behind it before the buffer was sent, "
        "8 would push it out\n"
        "  overtaken  'm22', sent 1.200s after the cut began: arrived after 'm23'\n"
        "  not judged 2 lost that were sent when nothing had to be buffered"
    )


def test_one_of_several_outages_is_numbered_and_parties_are_named():
    twice = (CUT, Outage(5.0, 6.0, ("cut", "refuse")))
    sent = [*SENT, *range(40, 60), *range(61, 70)]
    made = ledger([55], outages=twice, sent=sent, subscriber="ann", sender="eve")
    deliver(made, sent, twice, "bob")
    assert explain(made, buffered(20)) == (
        "sent 30 in 2 outages, arrived 59 later: 1 lost with room left: buffered(max_size=20)\n"
        "  lost       'm55' from 'eve' to 'ann', sent 0.500s after the cut and refuse (outage 2 of 2) began: "
        "4 behind it before the buffer was sent, 20 would push it out"
    )


def test_what_arrived_in_the_outage_is_told():
    made = Ledger(lambda: [CUT])
    for id_, at in (("a", 1.1), ("b", 1.2), ("c", 1.3)):
        made.sent(id_, at=at)
    made.delivered("a", at=1.15)
    made.delivered("c", at=3.1)
    assert explain(made, buffered(2)).splitlines()[0] == (
        "sent 3 in the cut, arrived 1 before its heal and 1 later: 1 lost with room left: buffered(max_size=2)"
    )


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Ledger(), "nothing was sent"),
        (ledger(outages=()), "there was no outage"),
        (ledger(outages=[RESET]), "nothing is sent in an outage that takes no time"),
        (ledger(sent=[1, 2, 35]), "nothing was acknowledged in the cut"),
        (ledger(sent=[1, 2, 35], outages=[CUT, RESET]), "nothing was acknowledged in the cut and reset"),
    ],
)
def test_nothing_to_judge(made, why):
    assert explain(made, buffered(9)) == f"{why}: nothing to judge: buffered(max_size=9)"


def timed(*rows, outages=(CUT,)):
    made = Ledger(lambda: outages, clock=lambda: 100.0)
    for id_, at, outcome, arrived in rows:
        made.sent(id_, at=at, outcome=outcome)
        if arrived is not None:
            made.delivered(id_, at=arrived)
    return made


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (timed(("a", 1.5, "fail", None)), "nothing was acknowledged in the cut"),
        (timed(("a", 1.5, "info", 3.1)), "nothing was acknowledged in the cut"),
        (timed(("a", 1.5, "ok", 1.6)), "all that was sent in the cut arrived before its heal"),
        (
            timed(("a", 1.5, "ok", 3.1), ("a", 1.6, "ok", 3.2)),
            "all that was sent in the cut was sent more than once",
        ),
        (
            timed(("a", 1.5, "ok", None), outages=[Outage(1.0, None, ("cut",))]),
            "the cut is still in force: heal it first",
        ),
    ],
)
def test_nothing_that_was_held(made, why):
    assert explain(made, buffered(9)) == f"{why}: nothing to judge: buffered(max_size=9)"


def test_a_client_that_never_came_back_has_not_buffered():
    assert explain(ledger(SENT[10:]), buffered(10)).splitlines()[0] == (
        "sent 20 in the cut, arrived 0 later: 10 lost with room left: buffered(max_size=10)"
    )


def test_many_findings_fit_what_pytest_shows():
    made = ledger(subscriber="s0", sender="x" * 40)
    for n in range(1, 30):
        deliver(made, [*range(10), *range(29, 9, -1)], subscriber=f"subscriber {n}")
    lines = buffered(5).explain(made)
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640
    assert sum(" … and " in line for line in lines) == 2


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: buffered(0), ValueError, "max_size must be at least 1, not 0"),
        (lambda: buffered(1.5), TypeError, "max_size must be a whole number, not 1.5"),
        (lambda: buffered(True), TypeError, "max_size must be a whole number, not True"),
        (lambda: buffered(3, dropped="last"), ValueError, "dropped must be 'oldest' or 'newest', not 'last'"),
        (lambda: buffered(3, dropped=None), ValueError, "dropped must be 'oldest' or 'newest', not None"),
    ],
)
def test_bad_arguments_are_refused(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == text
