from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_netchaos.options import LARGEST_SEED, OPTIONS, SEED, TIMEOUT, Settings, add_options, resolve


class Config:
    inipath = "/repo/pytest.ini"

    def __init__(self, given=None, ini=None):
        self.option = SimpleNamespace(**({option.dest: None for option in OPTIONS} | (given or {})))
        self._ini = ini or {}

    def getoption(self, name):
        return getattr(self.option, name)

    def getini(self, name):
        return self._ini.get(name)


def settle(given=None, environ=None, ini=None):
    return resolve(Config(given, ini), environ or {})


def test_an_option_has_one_name_in_three_spellings():
    assert (SEED.flag, SEED.variable, SEED.dest) == ("--netchaos-seed", "NETCHAOS_SEED", "netchaos_seed")
    assert (TIMEOUT.flag, TIMEOUT.variable, TIMEOUT.dest) == (
        "--netchaos-timeout", "NETCHAOS_TIMEOUT", "netchaos_timeout",
    )  # fmt: skip


def test_the_defaults():
    settings = settle()
    assert settings.timeout == 5.0
    assert 0 <= settings.seed < 2**32


def test_a_random_seed_is_drawn_anew_for_each_run():
    assert len({settle().seed for _ in range(5)}) > 1
    assert len({settle({"netchaos_seed": "random"}).seed for _ in range(5)}) > 1


def test_the_seed_that_was_drawn_is_handed_to_the_workers():
    config = Config()
    settings = resolve(config, {})
    assert config.option.netchaos_seed == str(settings.seed)
    assert resolve(config, {}) == settings


@pytest.mark.parametrize(
    ("given", "environ", "ini", "expected"),
    [
        ({"netchaos_seed": "1"}, {"NETCHAOS_SEED": "2"}, {"netchaos_seed": "3"}, 1),
        ({}, {"NETCHAOS_SEED": "2"}, {"netchaos_seed": "3"}, 2),
        ({}, {"NETCHAOS_SEED": ""}, {"netchaos_seed": "3"}, 3),
        ({}, {}, {"netchaos_seed": "0"}, 0),
        ({"netchaos_seed": "0"}, {"NETCHAOS_SEED": "2"}, {}, 0),
    ],
)
def test_the_command_line_goes_before_the_environment_before_the_ini_file(given, environ, ini, expected):
    assert settle(given, environ, ini).seed == expected


@pytest.mark.parametrize(("text", "seed"), [("0", 0), ("007", 7), (str(LARGEST_SEED), LARGEST_SEED)])
def test_seeds(text, seed):
    assert settle({"netchaos_seed": text}).seed == seed


@pytest.mark.parametrize("text", ["", "-1", "1.0", "x", "1e3", " 1", "٣", "²", "RANDOM", str(LARGEST_SEED + 1)])
def test_what_is_no_seed_is_refused(text):
    with pytest.raises(pytest.UsageError) as caught:
        settle({"netchaos_seed": text})
    expected = f"--netchaos-seed must be 'random' or a whole number from 0 to {LARGEST_SEED}, not {text!r}"
    assert str(caught.value) == expected


@pytest.mark.parametrize(("text", "seconds"), [("5", 5.0), ("0.01", 0.01), ("3600", 3600.0), ("1e-3", 0.001)])
def test_timeouts(text, seconds):
    assert settle({"netchaos_seed": "1", "netchaos_timeout": text}) == Settings(1, seconds)


@pytest.mark.parametrize("text", ["", "0", "-1", "3600.1", "nan", "inf", "5s", "five"])
def test_what_is_no_timeout_is_refused(text):
    with pytest.raises(pytest.UsageError) as caught:
        settle({"netchaos_timeout": text})
    assert str(caught.value) == (f"--netchaos-timeout must be a number of seconds above 0 and up to 3600, not {text!r}")


@pytest.mark.parametrize(
    ("environ", "ini", "place"),
    [
        ({"NETCHAOS_SEED": "x"}, {}, "NETCHAOS_SEED"),
        ({}, {"netchaos_seed": "x"}, "netchaos_seed in /repo/pytest.ini"),
    ],
)
def test_a_wrong_value_is_reported_with_the_place_where_it_was_given(environ, ini, place):
    with pytest.raises(pytest.UsageError, match=f"^{place} must be 'random' or "):
        settle({}, environ, ini)


def test_each_option_is_declared_in_its_places():
    declared, ini = {}, {}

    class Parser:
        def getgroup(self, name, _):
            assert name == "netchaos"
            return self

        def addoption(self, flag, *, dest, metavar, default, help):  # noqa: A002 - its name
            assert default is None, "the environment and the ini file must have their turn"
            declared[flag] = (dest, metavar, help)

        def addini(self, name, _, default):
            ini[name] = default

    add_options(Parser())
    assert list(declared) == ["--netchaos-seed", "--netchaos-timeout"]
    assert ini == {"netchaos_seed": None, "netchaos_timeout": None}
    assert all(option.variable in declared[option.flag][2] for option in OPTIONS)
    assert all(option.dest in declared[option.flag][2] for option in OPTIONS)


def test_a_seed_of_thousands_of_digits_is_refused_as_any_other():
    with pytest.raises(pytest.UsageError, match=r"^--netchaos-seed must be 'random' or a whole number"):
        settle({"netchaos_seed": "1" * 5000})
