from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from pytest_netchaos.relay import clock as module


@pytest.fixture
def clocks(monkeypatch):
    """A coarse clock and a fine one, both as the test sets them."""
    now = SimpleNamespace(coarse=100.0, fine=7.0, resolution=0.015625)
    fake = SimpleNamespace(
        monotonic=lambda: now.coarse,
        perf_counter=lambda: now.fine,
        get_clock_info=lambda _: SimpleNamespace(resolution=now.resolution),
    )
    monkeypatch.setattr(module, "time", fake)
    return now, fake


def test_a_coarse_clock_is_made_to_count_finely(clocks):
    now, fake = clocks
    module.sharpen()
    assert fake.monotonic() == 100.0
    now.fine += 0.0001
    assert fake.monotonic() == pytest.approx(100.0001, abs=1e-9)


def test_a_fine_clock_stays(clocks):
    now, fake = clocks
    now.resolution, before = 1e-9, fake.monotonic
    module.sharpen()
    assert fake.monotonic is before


def test_the_clock_of_this_system_is_fine():
    before = time.monotonic
    module.sharpen()
    assert time.monotonic is before
