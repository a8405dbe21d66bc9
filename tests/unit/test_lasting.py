from __future__ import annotations

import pytest

from pytest_netchaos.faults import Close, Cut, Delay, Flap, Reset
from pytest_netchaos.lasting import check_for, longest


@pytest.mark.parametrize(
    ("fault", "for_", "error", "said"),
    [
        (
            Reset(),
            1,
            TypeError,
            r"^reset\(\) is over as soon as it has happened, so there is nothing for for_=1 to end",
        ),
        (Close(), 0.5, TypeError, r"^close\(\) is over as soon"),
        (Flap(), 1, TypeError, r"^flap\(\) ends after its cycles, or when healed: it takes no for_=1$"),
        (Cut(), 0, ValueError, r"^for_ must be above 0 and up to 86400, not 0 \(seconds; a day at most\)$"),
        (Cut(), -1, ValueError, r"^for_ must be above 0 and up to 86400, not -1 "),
        (Cut(), "1", TypeError, r"^for_ must be a number, not '1'$"),
    ],
)
def test_what_can_be_no_end_is_refused(fault, for_, error, said):
    with pytest.raises(error, match=said):
        check_for(fault, for_)


def test_a_duration_is_an_end():
    check_for(Delay(0.1), 0.5)


@pytest.mark.parametrize(
    ("fault", "for_", "seconds"),
    [
        (Cut(), 0.5, 0.5),
        (Cut(), None, None),
        (Reset(), None, 0.0),
        (Flap(), None, None),
        (Flap(down=0.1, up=0.2, cycles=3), None, pytest.approx(0.9)),
        (Flap(down=(0.1, 0.5), up=(0.2, 1.0), cycles=2), None, 3.0),
    ],
)
def test_how_long_a_fault_lasts_at_most(fault, for_, seconds):
    assert longest(fault, for_) == seconds
