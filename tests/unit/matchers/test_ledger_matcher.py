from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_netchaos.history import Outage
from pytest_netchaos.judging.verdict import Verdict
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.attempts import attempts
from pytest_netchaos.matchers.buffers import buffered
from pytest_netchaos.matchers.dedupe import deduplicated
from pytest_netchaos.matchers.ledger_matcher import LedgerMatcher, check_whole
from pytest_netchaos.matchers.resume import resumed


@dataclass(frozen=True, eq=False, repr=False)
class content(LedgerMatcher):  # noqa: N801 - named as a matcher is
    def judge_record(self, record):
        if any(send.id == "bad" for send in record.sends):
            return Verdict.INVALID, ["refused"]
        return Verdict.VALID, []


def test_it_judges_ledgers_and_records():
    made = Ledger()
    made.sent("a")
    assert made == content()
    assert made.record() == content()
    made.sent("bad")
    assert content().explain(made) == ["refused"]
    assert content().explain(3) == ["content() judges a ledger, not 'int'"]


def test_each_has_a_verdict():
    made = Ledger()
    assert content().judge(made) is Verdict.UNKNOWN
    made.sent("a")
    assert content().judge(made) is Verdict.VALID
    made.sent("bad")
    assert content().judge(made.record()) is Verdict.INVALID
    with pytest.raises(TypeError, match=r"^content\(\) judges a ledger, not 'int'$"):
        content().judge(3)


def across_a_cut():
    """Two messages, sent again in a cut and delivered after it to a subscriber that came back."""
    made = Ledger(lambda: [Outage(2.0, 4.0, ("cut",))], clock=lambda: 10.0)
    made.connected(at=0.0)
    for at in (1.0, 2.5, 3.0, 5.0):
        made.sent("a" if at == 1 else "c" if at == 5 else "b", at=at)
    made.delivered("a", at=1.5)
    made.connected(at=4.5)
    for id_, at in {"b": 5.5, "c": 6.0}.items():
        made.delivered(id_, at=at)
    return made


@pytest.mark.parametrize(
    ("matcher", "verdict"),
    [
        (attempts(1, 2), Verdict.VALID),
        (attempts(1), Verdict.INVALID),
        (attempts(1, of="x"), Verdict.INVALID),
        (deduplicated(), Verdict.VALID),
        (deduplicated(within=0.1), Verdict.UNKNOWN),
        (resumed(), Verdict.VALID),
        (buffered(1), Verdict.UNKNOWN),
    ],
    ids=repr,
)
def test_the_verdicts_of_those_that_need_no_audit(matcher, verdict):
    made = across_a_cut()
    assert matcher.judge(made) is verdict
    assert (made == matcher) is (verdict is Verdict.VALID)


@pytest.mark.parametrize("matcher", [deduplicated(), deduplicated(within=5.0), resumed(), buffered(5)], ids=repr)
def test_times_that_cannot_be_are_not_judged_by(matcher):
    made = across_a_cut()
    made.sent("d", at=3.5)
    made.delivered("d", at=1_700_000_000.0)  # time.time()
    assert matcher.judge(made) is Verdict.UNKNOWN
    assert matcher.explain(made) == [
        f"the clocks disagree: 'd' was delivered 1699999990.000000s in the future: {matcher!r}",
        "  take every at= from time.monotonic(), and write a send down before it is made (or use ledger.sending)",
    ]


def test_an_empty_ledger_proves_nothing():
    assert content().explain(Ledger()) == ["nothing was sent: nothing to judge: content()"]


def test_a_verdict_is_final():
    assert content().deadline(Ledger()) is None


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_a_whole_number_is_no_other_type(value):
    with pytest.raises(TypeError, match=r"^n must be a whole number, not "):
        check_whole("n", value, low=1)


def test_a_whole_number_has_a_lower_bound():
    check_whole("n", 1, low=1)
    with pytest.raises(ValueError, match=r"^n must be at least 1, not 0$"):
        check_whole("n", 0, low=1)
