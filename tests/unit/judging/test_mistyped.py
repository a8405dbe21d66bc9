"""Ids that read the same and aren't."""

from __future__ import annotations

import pytest

from pytest_netchaos.judging.delivery import audit
from pytest_netchaos.judging.mistyped import mistyped
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.matchers.delivery import exactly_once
from pytest_netchaos.report.facts import Facts, LedgerFacts
from pytest_netchaos.report.page import Page
from pytest_netchaos.report.text import write


@pytest.mark.parametrize(
    ("sent", "arrived", "types"),
    [
        (7, "7", ("int", "str")),
        ("7", 7, ("str", "int")),
        ("é", "é".encode(), ("str", "bytes")),
        (7, b"7", ("int", "bytes")),
        (1.5, "1.5", ("float", "str")),
        ((1, 2), "(1, 2)", ("tuple", "str")),
    ],
)
def test_an_id_of_another_type_is_found_among_others(sent, arrived, types):
    found = mistyped([0, "x", sent, None], arrived)
    assert (found.sent, found.arrived, found.types) == (sent, arrived, types)


@pytest.mark.parametrize("arrived", ["7", "a", b"\xff"])
def test_an_id_that_nothing_reads_like_is_not(arrived):
    assert mistyped([1, "b", b"\xfe\xfe", (7,)], arrived) is None


@pytest.fixture
def ledger():
    ledger = Ledger()
    for number in range(3):
        ledger.sent(number)
        ledger.delivered(str(number))
    return ledger


def test_an_audit_looks_for_it_only_where_something_is_unexpected(ledger):
    assert audit(ledger.record()).mistyped == (0, "0")
    clean = Ledger()
    clean.sent(7)
    clean.sent("7")
    clean.delivered(7)
    assert audit(clean.record()).mistyped is None


def test_a_matcher_says_it(ledger):
    assert exactly_once().explain(ledger)[-1] == (
        "  types         0 (int) was sent, '0' (str) arrived: give both the same type"
    )


def test_the_story_says_it(ledger):
    lines = write(Facts((), (LedgerFacts(ledger.record()),)), Page(100))
    assert lines[-1] == "TYPES  0 (int) was sent, '0' (str) arrived: give both the same type"
