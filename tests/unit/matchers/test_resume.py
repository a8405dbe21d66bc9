from __future__ import annotations

import pytest

from pytest_netchaos.history import Outage
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.resume import resumed

CUT = Outage(1.5, 2.0, ("cut",))


def connections(*got, sessions=None, subscriber="ann", sender=""):
    """Messages ``m0`` to ``m39`` from 0 s on; connection n begins at n seconds and gets the numbers given for it."""
    made = Ledger(clock=lambda: 100.0)
    for n in range(40):
        made.sent(f"m{n}", at=n / 100, sender=sender)
    for n, ids in enumerate(got, 1):
        made.connected(subscriber=subscriber, session=sessions[n - 1] if sessions else None, at=float(n))
        deliver(made, ids, n, subscriber)
    return made


def deliver(made, ids, at, subscriber=""):
    for i, id_ in enumerate(ids):
        made.delivered(f"m{id_}", subscriber=subscriber, at=at + i / 100)


def healed(before, after, outages=(CUT,)):
    made = Ledger(lambda: outages, clock=lambda: 100.0)
    for n in range(40):
        made.sent(f"m{n}", at=n / 100)
    deliver(made, before, 1.0)
    deliver(made, after, 2.0)
    return made


def explain(made, matcher):
    return "\n".join(matcher.explain(made))


def test_it_goes_on_where_it_had_stopped():
    assert connections(range(10), range(10, 15)) == resumed()
    assert connections(range(10), range(11, 15)) != resumed()
    assert connections(range(10), range(9, 15)) != resumed()
    assert connections(range(10), range(10, 15), sessions=["s", "t"]) != resumed()


def test_what_is_allowed_is_as_good():
    assert connections(range(10), range(9, 15)) == resumed(allow=("rewound",))
    assert connections(range(10), range(11, 15)) != resumed(allow=("rewound",))
    assert connections(range(10), range(15), sessions=["s", "t"]) == resumed(allow=("restarted",))


def test_all_that_is_true_of_a_reconnect_has_to_be_allowed():
    made = connections(range(10), [9, 11], sessions=["s", "t"])
    assert made != resumed(allow=("restarted",))
    assert made != resumed(allow=("rewound", "restarted"))
    assert made == resumed(allow=("rewound", "skipped", "restarted"))


def test_without_connects_the_heals_count():
    assert healed(range(10), range(10, 12)) == resumed()
    assert healed(range(10), range(11, 12)) != resumed()


def test_who_resumed_once_and_then_got_nothing_more_has_gone_silent():
    made = connections(range(10), range(10, 15), [])
    assert explain(made, resumed()) == (
        "1 of 2 reconnects not resumed, 1 went silent: resumed()\n"
        "  reconnect 2 of 'ann', 3.000s after the first send  silent: after 'm14' came nothing more; "
        "due 'm15' … 'm39' (25)"
    )
    assert made == resumed(allow=("skipped",))
    assert connections(range(10), range(10, 40), []) == resumed()  # nothing was due


def test_each_sender_has_to_go_on():
    made = connections(range(10), range(10, 40), sender="ann")
    made.sent("x0", at=0.1, sender="bob")
    made.sent("x1", at=2.5, sender="bob")
    made.delivered("x0", at=1.5, subscriber="ann")
    assert explain(made, resumed()) == (
        "1 of 1 reconnect not resumed, 1 went silent: resumed()\n"
        "  reconnect 1 of 'ann', 2.000s after the first send  silent: after 'x0' came nothing more of sender 'bob'; "
        "due 'x1'"
    )
    made.delivered("x1", at=2.6, subscriber="ann")
    assert made == resumed()


def test_nobody_is_called_silent_while_the_network_is_cut():
    made = healed(range(10), range(10, 12), [CUT, Outage(2.5, 2.6, ("cut",))])
    assert "heal of the cut (outage 2 of 2)  silent: after 'm11' came nothing more" in explain(made, resumed())
    assert healed(range(10), range(10, 12), [CUT, Outage(2.5, None, ("cut",))]) == resumed()


def test_each_verdict_is_told():
    made = connections(
        range(10), range(13, 20), range(18, 25), range(25), [25], [24, 27], sessions=["s"] * 3 + ["t"] * 3
    )
    assert explain(made, resumed()) == (
        "4 of 5 reconnects not resumed, 1 rewound, 2 skipped, 1 restarted: resumed()\n"
        "  reconnect 1 of 'ann', 2.000s after the first send  skipped: after 'm9' came 'm13'; "
        "left out 'm10', 'm11', 'm12'\n"
        "  reconnect 2 of 'ann', 3.000s after the first send  rewound: after 'm19' came 'm18'; again 'm18', 'm19'\n"
        "  reconnect 3 of 'ann', 4.000s after the first send  restarted: after 'm24' came 'm0'; "
        "again 'm0' … 'm24' (22); session 's' became 't'\n"
        "  reconnect 5 of 'ann', 6.000s after the first send  rewound and skipped: after 'm25' came 'm24'; "
        "left out 'm26'; again 'm24'"
    )


def test_a_heal_is_named_by_its_fault():
    assert explain(healed(range(10), range(12, 15)), resumed()) == (
        "1 of 1 reconnect not resumed, 1 skipped: resumed()\n"
        "  heal of the cut  skipped: after 'm9' came 'm12'; left out 'm10', 'm11'"
    )
    twice = [Outage(0.5, 0.6, ("reset",)), CUT]
    assert explain(healed(range(10), range(12, 15), twice), resumed()).splitlines()[1] == (
        "  heal of the cut (outage 2 of 2)  skipped: after 'm9' came 'm12'; left out 'm10', 'm11'"
    )


def test_a_sender_with_a_name_is_named():
    assert "after 'm9' came 'm11' of sender 'eve'; left out 'm10'" in explain(
        connections(range(10), [11], sender="eve"), resumed()
    )


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (Ledger(), "nothing was sent"),
        (connections(range(10)), "nobody connected a second time"),
        (healed(range(10), range(10, 12), ()), "no connect was written down, and there was no fault"),
        (
            healed(range(10), range(10, 12), [Outage(1.5, None, ("stall",))]),
            "the stall is still in force: heal it first",
        ),
        (connections(range(10), []), "nothing arrived at 'ann' after the first reconnect"),
        (connections([], range(10)), "nothing arrived at 'ann' before the last reconnect"),
        (connections([], []), "nothing arrived at 'ann'"),
        (healed([], []), "nothing arrived"),
        (healed(range(10), []), "nothing arrived after the first heal"),
        (healed([], range(10)), "nothing arrived before the last heal"),
        (
            connections(["x"], ["y"]),
            "no sender's messages arrived at 'ann' both before and after a reconnect (ids that were sent once)",
        ),
    ],
)
def test_nothing_to_judge(made, why):
    assert explain(made, resumed()) == f"{why}: nothing to judge: resumed()"


def test_a_subscriber_of_whom_no_reconnect_can_be_judged_fails():
    made = connections(range(10), range(10, 12))
    for at in (1.0, 2.0):
        made.connected(subscriber="bob", at=at)
    deliver(made, range(5), 1.1, "bob")
    assert explain(made, resumed()) == (
        "nothing arrived at 'bob' after the first reconnect: nothing to judge: resumed()"
    )


def test_many_reconnects_fit_what_pytest_shows():
    made = connections(range(2), *[[n] for n in range(3, 39, 2)], sessions=list("abcdefghijklmnopqrs"))
    lines = resumed().explain(made)
    assert lines[0] == "18 of 18 reconnects not resumed, 18 restarted: resumed()"
    assert lines[1].startswith("  reconnect 1 of 'ann', 2.000s after the first send  skipped and restarted: ")
    assert lines[-1].endswith(f" … and {19 - len(lines)} more")
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640


@pytest.mark.parametrize(
    ("allow", "error", "text"),
    [
        ("rewound", TypeError, "allow must be a tuple of verdicts, such as ('rewound',), not 'rewound'"),
        (["rewound"], TypeError, "allow must be a tuple of verdicts, such as ('rewound',), not ['rewound']"),
        (("again",), ValueError, "allow takes 'rewound', 'skipped', 'restarted', not 'again'"),
    ],
)
def test_bad_arguments_are_refused(allow, error, text):
    with pytest.raises(error) as caught:
        resumed(allow=allow)
    assert str(caught.value) == text
