from __future__ import annotations

import threading

import pytest

from pytest_netchaos.history import Outage
from pytest_netchaos.ledger import Connect, Delivery, Ledger, Note, Send
from pytest_netchaos.matchers import at_least_once


class Clock:
    """Counts up by one with each look at it."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture
def ledger():
    return Ledger(clock=Clock())


def test_a_send_is_acknowledged_and_nobodys_unless_said(ledger):
    ledger.sent("a")
    assert ledger.record().sends == (Send("a", 1.0, "ok", ""),)


def test_a_send_keeps_what_was_said_of_it(ledger):
    ledger.sent("a", outcome="fail", sender="ann", at=7.5)
    assert ledger.record().sends == (Send("a", 7.5, "fail", "ann"),)


def test_a_delivery_is_to_the_nameless_subscriber_unless_said(ledger):
    ledger.delivered("a")
    assert ledger.record().deliveries == (Delivery("a", 1.0, ""),)


def test_a_delivery_keeps_what_was_said_of_it(ledger):
    ledger.delivered("a", subscriber="bob", at=7.5)
    assert ledger.record().deliveries == (Delivery("a", 7.5, "bob"),)


def test_the_same_id_may_be_sent_twice(ledger):
    ledger.sent("a")
    ledger.sent("a")
    assert [send.id for send in ledger.record().sends] == ["a", "a"]


def test_records_are_in_order_of_time(ledger):
    for at in (3.0, 1.0, 2.0):
        ledger.sent(at, at=at)
        ledger.delivered(at, at=at)
    record = ledger.record()
    assert [send.id for send in record.sends] == [1.0, 2.0, 3.0]
    assert [delivery.id for delivery in record.deliveries] == [1.0, 2.0, 3.0]


def test_records_of_the_same_time_keep_their_order(ledger):
    for id_ in "cab":
        ledger.sent(id_, at=1.0)
    assert [send.id for send in ledger.record().sends] == list("cab")


@pytest.mark.parametrize("call", ["sent", "delivered"])
def test_an_id_that_cannot_be_hashed_is_refused_with_advice(ledger, call):
    with pytest.raises(
        TypeError, match=r"^id must be hashable, not 'dict': use what identifies the message, such as its"
    ):
        getattr(ledger, call)({"n": 1})


def test_sending_refuses_an_id_that_cannot_be_hashed_before_its_body_runs(ledger):
    with pytest.raises(TypeError, match="not 'list'"), ledger.sending([1]):
        pytest.fail("the body ran")


def test_an_unknown_outcome_is_refused_by_name_and_value(ledger):
    with pytest.raises(ValueError, match=r"^outcome must be one of 'ok', 'fail', 'info', not 'lost'$"):
        ledger.sent("a", outcome="lost")


@pytest.mark.parametrize("at", [float("nan"), float("inf")])
def test_a_time_that_is_not_finite_is_refused(ledger, at):
    with pytest.raises(ValueError, match=f"^at must be finite .* not {at}$"):
        ledger.delivered("a", at=at)


def test_what_is_refused_is_not_recorded(ledger):
    for bad in ({"at": float("nan")}, {"outcome": "lost"}):
        with pytest.raises(ValueError, match="must be"):
            ledger.sent("a", **bad)
    assert ledger.record().sends == ()


def test_sending_is_ok_once_its_body_has_ended(ledger):
    with ledger.sending("a", sender="ann"):
        pass
    assert ledger.record().sends == (Send("a", 1.0, "ok", "ann", settled_at=2.0),)


def test_sending_is_unclear_while_its_body_runs(ledger):
    with ledger.sending("a"):
        record = ledger.record()
    assert record.sends == (Send("a", 1.0, "info", settled_at=record.now),), "it still waits"


@pytest.mark.parametrize(
    "give_up", [lambda attempt: attempt.give_up(), lambda attempt: setattr(attempt, "outcome", "info")]
)
def test_sending_stays_unclear_when_its_body_has_given_up(ledger, give_up):
    with ledger.sending("a") as attempt:
        give_up(attempt)
    assert ledger.record().sends == (Send("a", 1.0, "info", settled_at=2.0),)


def test_sending_is_settled_when_its_body_says_how_it_ended(ledger):
    with ledger.sending("a") as attempt:
        attempt.outcome = "fail"
        ledger.sent("b")
    assert ledger.record().sends == (Send("a", 1.0, "fail", settled_at=2.0), Send("b", 3.0))


def test_an_attempt_is_settled_when_its_outcome_comes_or_its_sender_gives_up(ledger):
    answered, in_vain, waits = (ledger.attempted(id_) for id_ in "abc")
    answered.outcome = "ok"
    in_vain.give_up()
    for settled in (answered, in_vain):
        settled.give_up()
    record = ledger.record()
    assert [send.settled_at for send in record.sends] == [4.0, 5.0, record.now]
    waits.outcome = "ok"
    assert ledger.record().sends[2].settled_at == record.now + 1


def test_who_still_waits_for_an_acknowledgement_waited_for_it_in_the_outage():
    clock = Clock()
    ledger = Ledger(lambda: [Outage(2.5, 3.5, ("cut",))], clock, strict=True)
    attempt = ledger.attempted("a")
    ledger.delivered("a")
    clock.now = 5.0
    ledger.sent("b", at=0.5)
    ledger.delivered("b", at=0.75)
    assert ledger == at_least_once()
    attempt.outcome = "ok"
    assert ledger == at_least_once()


def test_who_was_answered_before_an_outage_does_not_cross_it():
    ledger = Ledger(lambda: [Outage(9.5, 10.5, ("cut",))], Clock(), strict=True)
    with ledger.sending("a"):
        ledger.delivered("a")
    assert ledger != at_least_once()


@pytest.mark.parametrize("error", [ConnectionResetError, KeyboardInterrupt])
def test_sending_is_unclear_when_its_body_raises_and_the_exception_goes_on(ledger, error):
    with pytest.raises(error), ledger.sending("a"):
        raise error
    assert ledger.record().sends == (Send("a", 1.0, "info", settled_at=2.0),)


def test_sending_counts_from_its_beginning(ledger):
    with ledger.sending("a"):
        ledger.sent("b")
    assert [(send.id, send.at) for send in ledger.record().sends] == [("a", 1.0), ("b", 2.0)]


def test_sending_takes_a_time(ledger):
    with ledger.sending("a", at=0.25):
        pass
    assert ledger.record().sends[0].at == 0.25


@pytest.mark.parametrize(
    ("expected", "seen", "subscribers"),
    [
        ([], [], ("",)),
        ([], ["bob", "ann", "bob"], ("bob", "ann")),
        (["ann"], [], ("ann",)),
        (["ann", "bob"], ["eve", "bob"], ("ann", "bob", "eve")),
    ],
)
def test_subscribers_are_those_declared_and_those_seen(ledger, expected, seen, subscribers):
    if expected:
        ledger.expect(*expected)
    for subscriber in seen:
        ledger.delivered(1, subscriber=subscriber)
    assert ledger.record().subscribers == subscribers


@pytest.mark.parametrize("wrong", [(), (["ann", "bob"],), ("ann", 7)])
def test_expect_takes_names(ledger, wrong):
    with pytest.raises(TypeError, match=r"^expect\(\) takes the names of subscribers, such as expect\('ann', 'bob'\)"):
        ledger.expect(*wrong)


def test_a_record_does_not_change(ledger):
    ledger.sent("a")
    record = ledger.record()
    ledger.sent("b")
    ledger.delivered("a")
    assert (len(record.sends), len(record.deliveries)) == (1, 0)


def test_a_record_has_its_time_and_the_outages_of_its_time():
    outages = []
    ledger = Ledger(lambda: outages, clock=lambda: 5.0)
    outages.append(Outage(1.0, 2.0, ("cut",)))
    record = ledger.record()
    assert (record.outages, record.now) == ((Outage(1.0, 2.0, ("cut",)),), 5.0)


def test_there_are_no_outages_unless_told(ledger):
    assert ledger.record().outages == ()


def test_the_clock_is_the_monotonic_one_by_default(monkeypatch):
    import time

    before = time.monotonic()
    ledger = Ledger()
    ledger.sent("a")
    assert before <= ledger.record().sends[0].at <= time.monotonic()


def test_its_repr_counts(ledger):
    for n in range(3):
        ledger.sent(n)
    ledger.delivered(0)
    with ledger.sending(3):
        assert repr(ledger) == "<ledger: 4 sent, 1 delivered>"


def test_threads_lose_nothing():
    ledger = Ledger()

    def work(sender):
        for n in range(500):
            with ledger.sending((sender, n), sender=str(sender)):
                ledger.delivered((sender, n))
            ledger.record()

    threads = [threading.Thread(target=work, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record = ledger.record()
    everything = {(sender, n) for sender in range(4) for n in range(500)}
    assert len(record.sends) == len(record.deliveries) == len(everything)
    assert {send.id for send in record.sends if send.outcome == "ok"} == {d.id for d in record.deliveries} == everything


def test_a_subscriber_that_connects_is_written_down_with_its_session():
    ledger = Ledger(clock=iter([1.0, 3.0]).__next__)
    ledger.connected(subscriber="ann", session="s1")
    ledger.connected(at=0.5)
    assert ledger.record().connects == (Connect(0.5, "", None), Connect(1.0, "ann", "s1"))


def test_a_session_that_cannot_be_hashed_is_refused():
    with pytest.raises(TypeError, match=r"^session must be hashable, not 'list'"):
        Ledger().connected(session=[])


def test_a_note_has_its_time():
    ledger = Ledger(clock=iter([1.0]).__next__)
    ledger.note("gave up")
    ledger.note("came back", at=7.0)
    assert ledger.notes == (Note(1.0, "gave up"), Note(7.0, "came back"))


@pytest.mark.parametrize("strict", [True, False])
def test_the_record_says_whether_it_is_judged_strictly(strict):
    assert Ledger(strict=strict).record().strict is strict


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda ledger, who: ledger.sent("a", sender=who), "sender"),
        (lambda ledger, who: ledger.sending("a", sender=who).__enter__(), "sender"),
        (lambda ledger, who: ledger.delivered("a", subscriber=who), "subscriber"),
        (lambda ledger, who: ledger.connected(subscriber=who), "subscriber"),
    ],
    ids=["sent", "sending", "delivered", "connected"],
)
@pytest.mark.parametrize("who", [None, 7])
def test_a_name_that_is_none_is_refused_and_not_recorded(ledger, call, name, who):
    with pytest.raises(TypeError, match=f"^{name} must be a name, as a string, not {who}: leave it out"):
        call(ledger, who)
    record = ledger.record()
    assert (record.sends, record.deliveries, record.connects) == ((), (), ())


@pytest.mark.parametrize(
    "call",
    [
        lambda ledger: ledger.sent("a", at="1"),
        lambda ledger: ledger.sending("a", at="1").__enter__(),
        lambda ledger: ledger.delivered("a", at="1"),
        lambda ledger: ledger.connected(at="1"),
        lambda ledger: ledger.note("a", at="1"),
    ],
    ids=["sent", "sending", "delivered", "connected", "note"],
)
def test_a_time_that_is_no_number_is_refused_by_name(ledger, call):
    with pytest.raises(TypeError, match=r"^at must be a number \(seconds of time.monotonic\(\)\), not '1'$"):
        call(ledger)


def test_a_note_is_a_text(ledger):
    with pytest.raises(TypeError, match=r"^text must be a string, not None$"):
        ledger.note(None)


def test_tasks_lose_nothing():
    import asyncio

    ledger = Ledger()

    async def work(sender):
        for n in range(50):
            with ledger.sending((sender, n)):
                await asyncio.sleep(0)
                ledger.delivered((sender, n))

    async def work_all():
        await asyncio.gather(*(work(sender) for sender in range(10)))

    asyncio.run(work_all())
    record = ledger.record()
    assert len(record.sends) == 500
    assert {send.outcome for send in record.sends} == {"ok"}
    assert sorted(send.id for send in record.sends) == sorted(delivery.id for delivery in record.deliveries)


def test_an_attempt_is_unclear_until_its_outcome_is_set(ledger):
    attempt = ledger.attempted("a", sender="ann", at=3.0)
    assert [(s.id, s.at, s.sender, s.outcome) for s in ledger.record().sends] == [("a", 3.0, "ann", "info")]
    attempt.outcome = "fail"
    assert ledger.record().sends[0].outcome == "fail"


def test_an_attempt_needs_an_id_that_can_be_hashed(ledger):
    with pytest.raises(TypeError, match="not 'list'"):
        ledger.attempted([1])
    assert not ledger.record().sends


def test_an_attempt_takes_only_an_outcome(ledger):
    attempt = ledger.attempted("a")
    with pytest.raises(ValueError, match=r"^outcome must be one of 'ok', 'fail', 'info', not 'acked'$"):
        attempt.outcome = "acked"
    assert attempt.outcome == "info"
    assert repr(attempt) == "<attempt to send 'a': info>"


def test_a_body_that_knows_better_says_how_the_send_ended(ledger):
    with ledger.sending("a") as attempt:
        attempt.outcome = "fail"
    assert ledger.record().sends[0].outcome == "fail"


@pytest.mark.parametrize(
    "call",
    [
        lambda ledger: ledger.sent(None),
        lambda ledger: ledger.sending(None).__enter__(),
        lambda ledger: ledger.attempted(None),
        lambda ledger: ledger.delivered(None),
    ],
    ids=["sent", "sending", "attempted", "delivered"],
)
def test_none_identifies_no_message(ledger, call):
    with pytest.raises(TypeError, match=r"^id must be what identifies the message, not None"):
        call(ledger)
    assert ledger.counts() == (0, 0, 0)


def test_outages_and_the_clock_are_asked_again_and_again():
    with pytest.raises(
        TypeError, match=r"^outages must be a function, such as `lambda: link.history\(\)\.outages`, not"
    ):
        Ledger((Outage(1.0, 2.0, ("cut",)),))
    with pytest.raises(TypeError, match=r"^clock must be a function, such as time\.monotonic, not 3\.5$"):
        Ledger(clock=3.5)
