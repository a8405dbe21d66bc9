from __future__ import annotations

from itertools import permutations

import pytest

from pytest_netchaos.judging.verdict import Verdict


@pytest.mark.parametrize("order", list(permutations(Verdict)))
def test_the_worst_wins(order):
    assert max(order) is Verdict.INVALID


def test_unknown_is_worse_than_valid():
    assert max(Verdict.UNKNOWN, Verdict.VALID) is Verdict.UNKNOWN


def test_a_verdict_is_written_as_a_word():
    assert [f"{verdict}" for verdict in Verdict] == ["valid", "unknown", "invalid"]
