from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.ledger_matcher import LedgerMatcher, check_whole


@dataclass(frozen=True, eq=False, repr=False)
class content(LedgerMatcher):  # noqa: N801 - named as a matcher is
    def explain_record(self, record):
        return ["refused"] if any(send.id == "bad" for send in record.sends) else []


def test_it_judges_ledgers_and_records():
    made = Ledger()
    made.sent("a")
    assert made == content()
    assert made.record() == content()
    made.sent("bad")
    assert content().explain(made) == ["refused"]
    assert content().explain(3) == ["content() judges a ledger, not 'int'"]


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
