from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.faults import LONGEST, Flap, Stall, Throttle
from pytest_netchaos.loss import Loss


@st.composite
def chains(draw):
    burst = draw(st.floats(1, 1000))
    return Loss(draw(st.floats(1e-6, burst / (1 + burst) * 0.999)), burst)


@given(chains())
def test_a_chain_has_the_loss_and_the_bursts_that_were_asked_for(chain):
    assert math.isclose(chain.p / (chain.p + chain.r), chain.loss)
    assert math.isclose(1 / chain.r, chain.mean_burst)
    assert 0 < chain.p <= 1
    assert 0 < chain.r <= 1


def test_losses_that_come_singly():
    assert (Loss(0.2).r, Loss(0.2).p) == (1.0, 0.25)


@pytest.mark.parametrize(
    ("loss", "burst", "p"),
    [(0.02, 4, 0.0051020408), (0.01, 8, 0.0012626263), (0.3, 50, 0.0085714286)],
    ids=["wifi-lossy", "cell-edge", "tunnel"],
)
def test_p_of_the_presets(loss, burst, p):
    assert Loss(loss, burst).p == pytest.approx(p)


def test_the_rate_is_mathis_formula():
    # 1.22 * 1460 bytes / (0.1 s * sqrt(0.01)) = 178,120 bytes/s
    chain = Loss(0.01 / 1.01)
    assert chain.p == pytest.approx(0.01)
    assert chain.rate(0.1) == pytest.approx(178_120)


def test_bursts_of_the_same_loss_are_fewer_events_and_so_leave_a_higher_rate():
    assert Loss(0.02, 4).rate(0.1) == pytest.approx(2 * Loss(0.02, 1).rate(0.1), rel=0.01)


@given(chains(), st.floats(0.001, 2), st.floats(1e3, 1e8))
def test_stalls_have_the_chains_means_in_time_and_a_round_trip(chain, round_trip, rate):
    flap, packet = chain.stalls(round_trip, rate), 1460 / rate
    assert flap.fault == Stall()
    for (shortest, longest), mean in (
        (flap.down, round_trip + chain.mean_burst * packet),
        (flap.up, packet / chain.p),
    ):
        assert 0 < shortest <= longest <= LONGEST
        if longest < LONGEST and shortest > 1e-4:
            assert (shortest + longest) / 2 == pytest.approx(mean, abs=2e-4)


def test_a_line_that_is_slower_than_its_losses_keeps_its_rate():
    down, up, stalls = Loss(0.01).faults(0.1, down=1_000, up=1e9)
    assert down == Throttle(1_000, direction="downstream")
    assert up == Throttle(round(Loss(0.01).rate(0.1)), direction="upstream")
    assert isinstance(stalls, Flap)


def test_no_byte_is_ever_deleted():
    assert {fault.kind for fault in Loss(0.5, 50).faults(0.1)} == {"throttle", "flap"}


@pytest.mark.parametrize(
    ("loss", "burst", "said"),
    [
        (0, 1, "loss must be above 0 and up to 1, not 0"),
        (1.5, 1, "loss must be above 0 and up to 1, not 1.5"),
        (math.nan, 1, "loss must be above 0 and up to 1, not nan"),
        (0.1, 0.5, "mean_burst must be from 1 to 1e+06, not 0.5"),
        (
            0.8, 2,
            (
                "loss must be 0.6667 at most with a mean_burst of 2 packets, not 0.8: "
                "between two bursts there is a packet at least that arrives"
            ),
        ),
    ],
)  # fmt: skip
def test_what_no_chain_can_be_is_refused(loss, burst, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        Loss(loss, burst)


@pytest.mark.parametrize("loss", [True, "0.1", None])
def test_what_is_no_number_is_refused(loss):
    with pytest.raises(TypeError, match=r"^loss must be a number, not "):
        Loss(loss)
