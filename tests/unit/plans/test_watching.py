from __future__ import annotations

import time

from pytest_netchaos.faults import Cut
from pytest_netchaos.injection import Injection
from pytest_netchaos.plans.watching import LOOK_AGAIN, watch
from pytest_netchaos.triggers import OnConnection


def test_a_watch_ends_when_a_fault_fires_or_is_over_and_not_for_other_news(engine_link, in_thread):
    armed = Injection(Cut(), "db", engine_link, None, 1, OnConnection(1))
    cut = Injection(Cut(), "db", engine_link, None, 1)
    watching = in_thread(lambda: watch([armed, cut], time.monotonic() + 3600, lambda: False))
    assert engine_link.waiting.wait(10)
    engine_link.tell("dialled", time.monotonic(), "127.0.0.1:1")
    engine_link.tell("struck", time.monotonic(), 1, 1, ())
    watching()
    engine_link.waiting.clear()
    watching = in_thread(lambda: watch([armed, cut], time.monotonic() + 3600, lambda: False))
    assert engine_link.waiting.wait(10)
    cut.heal()
    watching()


def test_a_watch_ends_when_it_is_cancelled(engine_link, in_thread):
    cut = Injection(Cut(), "db", engine_link, None, 1)
    cancelled = []
    watching = in_thread(lambda: watch([cut], time.monotonic() + 3600, lambda: bool(cancelled)))
    assert engine_link.waiting.wait(10)
    cancelled.append(1)
    cut.nudge()
    watching()


def test_a_watch_of_several_links_looks_again_after_a_while(make_engine_link):
    cuts = [Injection(Cut(), name, make_engine_link(name), None, 1) for name in ("a", "b")]
    began = time.monotonic()
    watch(cuts, began + 3600, lambda: False)
    assert LOOK_AGAIN <= time.monotonic() - began < 30
