from __future__ import annotations

import pytest
from tests.unit.matchers.scripts import Script

from pytest_netchaos.faults import Blackhole, Cut, Stall
from pytest_netchaos.history import Dial, Dials, FaultSpan
from pytest_netchaos.matchers.dial_log import (
    Start,
    dial_of,
    given_start,
    is_return,
    last_fault,
    met_at,
    outcome_of,
    unseen,
    when,
)


def test_a_start_is_named_by_its_fault():
    assert given_start(FaultSpan(Stall(), 2.0)) == Start(2.0, "the stall began")
    assert given_start(2) == Start(2, "the given time")
    assert (given_start(FaultSpan(Stall(), 2.0)).then, given_start(2).then) == (
        "when the stall began",
        "at the given time",
    )


def test_the_last_fault_is_the_beginning_of_the_last_outage():
    script = Script().fault(Cut(), 1.0, 2.0).fault(Cut(), 3.0, 5.0).fault(Stall(), 4.0)
    assert last_fault(script.at(9.0)) == Start(3.0, "the cut and stall began")
    assert last_fault(Script().at(9.0)) is None


def test_where_a_refused_dial_was_seen_the_client_is_seen():
    refused, served = Dial(1, 0.0, "refused"), Dial(2, 1.0, "served")
    assert unseen(Dials([served], "some are invisible")) == "some are invisible"
    assert unseen(Dials([refused, served], "some are invisible")) == ""
    assert unseen(Dials([served])) == ""


@pytest.mark.parametrize(
    ("dial", "returns", "said"),
    [
        (Dial(1, 0.0, "served", connection=2), True, "served as connection 2"),
        (
            Dial(1, 0.0, "served", connection=2, in_vain=True),
            False,
            "served as connection 2, in vain: its client was gone",
        ),
        (Dial(1, 0.0, "refused", reason="cut"), False, "refused: cut"),
        (Dial(1, 0.0, "refused"), False, "refused"),
        (Dial(1, 0.0, "pending"), False, "no answer yet"),
        (Dial(1, 0.0, "pending", ended_at=1.0), False, "no answer; its client has hung up"),
    ],
)
def test_how_a_dial_went(dial, returns, said):
    assert (is_return(dial), outcome_of(dial)) == (returns, said)


def test_when_a_dial_came():
    start = Start(1.0, "the heal")
    assert when(Dial(3, 0.75, "refused"), start) == "dial 3  0.250s before the heal"
    assert when(Dial(4, 1.0, "refused"), start) == "dial 4  0.000s after the heal"


def test_a_cut_has_met_what_it_had_ended_by_the_time_it_was_confirmed():
    script = Script().serve(0.0, 0.5).serve(0.0, 0.999, "fault").serve(0.0).refuse(0.25).serve(2.0)
    script.fault(Cut(), 1.0, None, (2, 3)).fault(Blackhole(), 3.0, None, ())
    seen = script.at(9.0)
    assert [c.number for c in met_at(seen, 1.0)] == [2, 3]
    assert met_at(seen, 3.0) == []
    assert [c.number for c in met_at(seen, 2.5)] == [3, 4], "a time hits whatever is open"
    assert [dial_of(seen, c).number for c in seen.connections] == [1, 2, 3, 5]
