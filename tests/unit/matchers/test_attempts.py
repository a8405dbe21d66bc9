from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.ledger import Delivery, DeliveryRecord, Ledger, Send
from pytest_netchaos.matchers.attempts import attempts


def ledger(*counts, gap=0.2):
    """A ledger of ``m0``, ``m1`` …, the nth sent as often as its count says, ``gap`` seconds apart."""
    made = Ledger(clock=lambda: 100.0)
    for number, count in enumerate(counts):
        for attempt in range(count):
            made.sent(f"m{number}", outcome="info", at=10 + number + attempt * gap)
    return made


def explain(made, matcher):
    return "\n".join(matcher.explain(made))


def test_each_message_was_sent_so_often():
    assert ledger(4, 4) == attempts(4)
    assert ledger(4, 3) != attempts(4)
    assert ledger(4, 5) != attempts(4)


def test_a_range():
    assert ledger(1, 2, 4) == attempts(1, 4)
    assert ledger(1, 2, 4) != attempts(2, 4)
    assert ledger(1, 2, 4) != attempts(1, most=3)


def test_one_message_alone_is_judged():
    assert ledger(1, 4) == attempts(4, of="m1")
    assert ledger(1, 4) != attempts(4, of="m0")


def test_every_outcome_is_an_attempt_whoever_sent():
    made = Ledger()
    for outcome, sender in (("ok", "ann"), ("fail", "bob"), ("info", "ann")):
        made.sent("a", outcome=outcome, sender=sender)
    assert made == attempts(3)


def test_which_messages_and_when():
    assert explain(ledger(4, 3, 5, 4, 1), attempts(4)) == (
        "3 of 5 messages not sent 4 times, 2 less often, 1 more often: attempts(n=4)\n"
        "  'm1'  sent 3 times, at 0.000, 0.200, 0.400s; gaps 0.200, 0.200s\n"
        "  'm2'  sent 5 times, at 0.000, 0.200, 0.400, 0.600, 0.800s; gaps 0.200, 0.200, 0.200, 0.200s\n"
        "  'm4'  sent once"
    )


def test_of_many_attempts_the_first_ones_and_the_last_are_shown():
    assert explain(ledger(8), attempts(1, 4)) == (
        "1 of 1 message not sent 1 to 4 times, 1 more often: attempts(n=1, most=4)\n"
        "  'm0'  sent 8 times, at 0.000, 0.200, 0.400, 0.600, …, 1.400s; gaps 0.200, 0.200, 0.200, 0.200, …, 0.200s"
    )


def test_the_one_message():
    assert explain(ledger(2, 4), attempts(4, of="m0")) == (
        "'m0' was sent twice, not 4 times: attempts(n=4, of='m0')\n  'm0'  sent twice, at 0.000, 0.200s; gaps 0.200s"
    )


def test_a_message_that_was_never_sent():
    assert explain(ledger(2), attempts(4, of="x")) == "'x' was never sent, not 4 times: attempts(n=4, of='x')"


def test_nothing_sent_is_nothing_to_judge():
    assert explain(Ledger(), attempts(1)) == "nothing was sent: nothing to judge: attempts(n=1)"
    arrived = DeliveryRecord((), (Delivery("x", 1.0),), ("",), (), 2.0)
    assert explain(arrived, attempts(1)) == "nothing was sent: nothing to judge: attempts(n=1)"


def test_many_wrong_messages_fit_what_pytest_shows():
    lines = attempts(4).explain(ledger(*[3] * 1000))
    assert lines[0] == "1000 of 1000 messages not sent 4 times, 1000 less often: attempts(n=4)"
    assert lines[-1].endswith(f" … and {1001 - len(lines)} more")
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: attempts(0), ValueError, "n must be at least 1, not 0"),
        (lambda: attempts(1.5), TypeError, "n must be a whole number, not 1.5"),
        (lambda: attempts(True), TypeError, "n must be a whole number, not True"),
        (lambda: attempts(2, "3"), TypeError, "most must be a whole number, not '3'"),
        (lambda: attempts(2, 1), ValueError, "most must be at least n (2), not 1"),
        (lambda: attempts(2, of=[]), TypeError, "of must be the id of a message, not 'list'"),
    ],
)
def test_bad_arguments_are_refused(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == text


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.integers(1, 5), st.integers(0, 4), st.data())
def test_a_client_that_sends_again_so_often_passes_and_one_attempt_less_or_more_is_found(counts, n, more, data):
    counts = [n + count % (more + 1) for count in counts]
    matcher = attempts(n, n + more)
    assert ledger(*counts) == matcher
    at = data.draw(st.integers(0, len(counts) - 1))
    counts[at] = data.draw(st.sampled_from([n - 1, n + more + 1]))
    if counts[at]:
        lines = matcher.explain(ledger(*counts))
        assert lines[0].startswith("1 of ")
        assert lines[1].startswith(f"  'm{at}'  sent ")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 4), st.integers(0, 3))
def test_the_verdict_is_that_of_the_definition(ids, n, more):
    record = DeliveryRecord(tuple(Send(id_, float(at)) for at, id_ in enumerate(ids)), (), ("",), (), 100.0)
    assert (record == attempts(n, n + more)) is all(n <= ids.count(id_) <= n + more for id_ in ids)
    for id_ in range(6):
        assert (record == attempts(n, n + more, of=id_)) is (n <= ids.count(id_) <= n + more)
