from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_netchaos.options import OPTIONS, resolve
from pytest_netchaos.session.run_seed import hand_over, remember


class Config:
    inipath = None

    def __init__(self, given=None):
        self.option = SimpleNamespace(**({option.dest: None for option in OPTIONS} | (given or {})))

    def getoption(self, name):
        return getattr(self.option, name)

    def getini(self, _):
        return None


def test_the_seed_that_was_drawn_is_handed_to_the_workers():
    settings, worker = resolve(Config(), {}), Config()
    worker.workerinput = {}
    hand_over(settings.seed, worker.workerinput)
    assert resolve(worker, {}) == settings


def test_a_worker_that_was_told_a_seed_asks_nobody_else():
    worker = Config({"netchaos_seed": "last"})
    worker.workerinput = {}
    hand_over(0, worker.workerinput)
    assert resolve(worker, {"NETCHAOS_SEED": "3"}).seed == 0


class Cache(dict):
    def set(self, name, value):
        self[name] = value


def cached(cache, **attributes):
    config = Config({"netchaos_seed": "last"})
    config.cache = cache
    for name, value in attributes.items():
        setattr(config, name, value)
    return config


def test_the_last_seed_is_the_one_that_was_remembered():
    cache = Cache()
    remember(cached(cache), 42)
    assert resolve(cached(cache), {}).seed == 42


def test_a_worker_remembers_nothing():
    cache = Cache()
    remember(cached(cache, workerinput={}), 42)
    remember(Config(), 42)  # -p no:cacheprovider
    assert not cache


@pytest.mark.parametrize("found", [None, -1, "42", True, 2**63, 1.5])
def test_where_there_is_no_last_seed_it_says_so(found):
    with pytest.raises(pytest.UsageError, match=r"^--netchaos-seed=last: no run has left its seed in pytest's cache"):
        resolve(cached(Cache({"netchaos/seed": found})), {})


def test_without_a_cache_there_is_no_last_seed():
    with pytest.raises(pytest.UsageError, match=r"^--netchaos-seed=last needs pytest's cache, which -p no:cachepro"):
        resolve(Config({"netchaos_seed": "last"}), {})
