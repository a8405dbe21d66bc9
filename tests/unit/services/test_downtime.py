from __future__ import annotations

import pytest

from pytest_netchaos.history import Outage
from pytest_netchaos.services.downtime import Downtimes


@pytest.fixture
def downtimes():
    return Downtimes()


def test_a_server_that_was_never_down_had_no_outage(downtimes):
    downtimes.ended(1.0)
    assert downtimes.spans() == ()


def test_an_outage_lasts_until_the_server_serves_again(downtimes):
    downtimes.began("kill", 1.0)
    assert downtimes.spans() == (Outage(1.0, None, ("kill",)),)
    downtimes.ended(2.0)
    downtimes.ended(3.0)
    downtimes.began("pause", 4.0)
    assert downtimes.spans() == (Outage(1.0, 2.0, ("kill",)), Outage(4.0, None, ("pause",)))


def test_what_is_paused_and_then_killed_was_away_in_one_piece(downtimes):
    for at, kind in enumerate(("pause", "pause", "kill"), 1):
        downtimes.began(kind, float(at))
    downtimes.ended(9.0)
    assert downtimes.spans() == (Outage(1.0, 9.0, ("pause", "kill")),)


def test_what_was_before_is_forgotten(downtimes):
    downtimes.began("kill", 1.0)
    downtimes.forget()
    downtimes.ended(2.0)
    assert downtimes.spans() == ()
