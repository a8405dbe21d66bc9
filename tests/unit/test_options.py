from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_netchaos.options import (
    DOCKER_HOST,
    LARGEST_SEED,
    OPTIONS,
    SEED,
    TIMEOUT,
    Settings,
    add_options,
    in_force,
    resolve,
)
from pytest_netchaos.session import choices
from pytest_netchaos.session.choices import EMBEDDED, Choice


class Config:
    inipath = "/repo/pytest.ini"
    hook = SimpleNamespace(pytest_netchaos_engines=list)

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
    expected = f"--netchaos-seed must be 'random', 'last' or a whole number from 0 to {LARGEST_SEED}, not {text!r}"
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
    with pytest.raises(pytest.UsageError, match=f"^{place} must be 'random', 'last' or "):
        settle({}, environ, ini)


METAVARS = {option.flag: option.metavar for option in OPTIONS if not option.bare}


@pytest.mark.parametrize(
    ("text", "expected"), [("yes", True), ("True", True), ("1", True), ("on", True), ("no", False), ("0", False)]
)
def test_strict(text, expected):
    assert settle({"netchaos_seed": "1"}, {"NETCHAOS_STRICT": text}).strict is expected
    assert settle({"netchaos_seed": "1"}).strict is False


def test_what_is_neither_yes_nor_no_is_refused():
    with pytest.raises(pytest.UsageError, match=r"^NETCHAOS_STRICT must be yes or no, not 'maybe'$"):
        settle({"netchaos_seed": "1"}, {"NETCHAOS_STRICT": "maybe"})


def test_each_option_is_declared_in_its_places():
    declared, ini = {}, {}

    class Parser:
        def getgroup(self, name, _):
            assert name == "netchaos"
            return self

        def addoption(self, flag, *, dest, default, help, **takes):  # noqa: A002 - its name
            if flag == "--netchaos-profiles":
                assert (dest, default, takes) == ("netchaos_profiles", False, {"action": "store_true"})
                return
            assert default is None, "the environment and the ini file must have their turn"
            assert takes in ({"metavar": METAVARS.get(flag)}, {"action": "store_const", "const": "yes"})
            declared[flag] = (dest, takes, help)

        def addini(self, name, _, default):
            ini[name] = default

    add_options(Parser())
    names = [
        "seed",
        "timeout",
        "engine",
        "redis",
        "docker",
        "docker-host",
        "strict",
        "timeline",
        "profile",
        "off",
        "github",
        "replay",
    ]
    assert list(declared) == [f"--netchaos-{name}" for name in names]
    assert ini == {f"netchaos_{name.replace('-', '_')}": None for name in names}
    assert all(option.variable in declared[option.flag][2] for option in OPTIONS)
    assert all(option.dest in declared[option.flag][2] for option in OPTIONS)


def test_a_seed_of_thousands_of_digits_is_refused_as_any_other():
    with pytest.raises(pytest.UsageError, match=r"^--netchaos-seed must be 'random', 'last' or a whole number"):
        settle({"netchaos_seed": "1" * 5000})


def test_the_defaults_need_nothing():
    settings = settle()
    assert (settings.engine, settings.redis) == (EMBEDDED, EMBEDDED)
    assert (settings.docker, settings.docker_host) == ("auto", "")


def test_a_name_of_two_words_has_a_hyphen_on_the_command_line():
    assert (DOCKER_HOST.flag, DOCKER_HOST.variable, DOCKER_HOST.dest) == (
        "--netchaos-docker-host", "NETCHAOS_DOCKER_HOST", "netchaos_docker_host",
    )  # fmt: skip


NEW = [
    pytest.param("engine", ["toxiproxy", "docker", "embedded"], choices.engine, id="engine"),
    pytest.param("redis", ["local", "docker", "embedded"], choices.redis, id="redis"),
    pytest.param("docker", ["skip", "require", "auto"], str, id="docker"),
    pytest.param("docker_host", ["a", "b", "c"], str, id="docker-host"),
]


@pytest.mark.parametrize(("name", "values", "meaning"), NEW)
def test_each_option_is_read_from_each_of_its_places(name, values, meaning):
    flag, variable, ini = values
    places = ({f"netchaos_{name}": flag}, {f"NETCHAOS_{name.upper()}": variable}, {f"netchaos_{name}": ini})
    assert getattr(settle(*places), name) == meaning(flag)
    assert getattr(settle({}, *places[1:]), name) == meaning(variable)
    assert getattr(settle({}, {}, places[2]), name) == meaning(ini)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("engine", "tocksy", f"one of {choices.ENGINES}"),
        ("engine", "https://h", "an http:// URL of a Toxiproxy's API, such as http://127.0.0.1:8474"),
        ("engine", "http://h?ports=9-8", "a URL whose ports= is a port or a range, such as ports=8666-8697"),
        ("redis", "valkey", f"one of {choices.REDISES}"),
        ("redis", "redis:///0", "a redis:// URL with a host, such as redis://127.0.0.1:6379/0"),
        ("docker", "maybe", "auto, require or skip"),
        ("docker", "Auto", "auto, require or skip"),
    ],
)
@pytest.mark.parametrize("place", ["flag", "environment", "ini"])
def test_a_wrong_choice_is_refused_by_name_and_value_with_what_is_allowed(place, name, value, allowed):
    dest = f"netchaos_{name}"
    where, given = {
        "flag": (f"--netchaos-{name}", ({dest: value},)),
        "environment": (dest.upper(), ({}, {dest.upper(): value})),
        "ini": (f"{dest} in /repo/pytest.ini", ({}, {}, {dest: value})),
    }[place]
    with pytest.raises(pytest.UsageError) as caught:
        settle(*given)
    assert str(caught.value) == f"{where} must be {allowed}, not {value!r}"


@pytest.mark.parametrize("name", ["redis", "engine"])
@pytest.mark.parametrize("password", ["secret", "s:ecret", "sec/ret", "se@cret", "s#e?cret"])
def test_a_wrong_url_is_reported_without_its_password(name, password):
    url = "http" if name == "engine" else "redis"
    with pytest.raises(pytest.UsageError, match=rf"not '{url}://user:\*\*\*@h:x/y'$") as caught:
        settle({f"netchaos_{name}": f"{url}://user:{password}@h:x/y"})
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "environ", "policy"),
    [
        ({}, {}, "auto"),
        ({}, {"CI": ""}, "auto"),
        ({}, {"CI": "true"}, "require"),
        ({}, {"CI": "true", "NETCHAOS_DOCKER": "auto"}, "auto"),
        ({"netchaos_docker": "skip"}, {"CI": "true"}, "skip"),
        ({"netchaos_docker": ""}, {"CI": "true"}, "require"),
    ],
)
def test_a_ci_requires_docker_unless_it_is_told_otherwise(given, environ, policy):
    assert settle(given, environ).docker == policy


def test_the_settings_are_one_value():
    given = {"netchaos_seed": "1", "netchaos_engine": "toxiproxy:x", "netchaos_redis": "docker:y"}
    expected = Settings(1, 5.0, Choice("toxiproxy", "x"), Choice("docker", "y"), "skip", "10.0.0.1")
    assert settle(given, {"NETCHAOS_DOCKER": "skip", "NETCHAOS_DOCKER_HOST": "10.0.0.1"}) == expected


@pytest.mark.parametrize(
    ("text", "names"), [("", ()), ("2g", ("2g",)), ("2g,tunnel", ("2g", "tunnel")), (" 2g , 3g,2g", ("2g", "3g"))]
)
def test_profiles_are_names_between_commas(text, names):
    assert settle({"netchaos_profile": text}).profiles == names
    assert settle({}, {"NETCHAOS_PROFILE": text}).profiles == names


@pytest.mark.parametrize("text", [",", "2g,", " ", ",2g"])
def test_a_profile_without_a_name_is_refused(text):
    with pytest.raises(pytest.UsageError, match=r"^--netchaos-profile must be names of profiles, with a comma between"):
        settle({"netchaos_profile": text})


def test_off():
    assert settle().off is False
    assert settle({"netchaos_off": "yes"}).off is True
    assert settle({}, {"NETCHAOS_OFF": "1"}).off is True


def test_a_replay_needs_the_engine_and_the_redis_but_no_password():
    settings = Settings(
        4, 5.0, Choice("toxiproxy", "toxiproxy-server"), Choice("url", "redis://me:secret@db:6379/0"), strict=True
    )
    assert in_force(settings) == [
        "--netchaos-seed=4", "--netchaos-engine=toxiproxy", "--netchaos-redis=redis://me:***@db:6379/0",
        "--netchaos-strict",
    ]  # fmt: skip


def test_a_replay_needs_what_changes_the_test():
    assert in_force(Settings(4, 5.0)) == ["--netchaos-seed=4"]
    assert in_force(Settings(4, 0.25)) == ["--netchaos-seed=4", "--netchaos-timeout=0.25"]
    assert in_force(Settings(4, 30.0)) == ["--netchaos-seed=4", "--netchaos-timeout=30"]
    assert in_force(Settings(4, 5.0, profiles=("2g", "x"), off=True)) == [
        "--netchaos-seed=4", "--netchaos-profile=2g,x", "--netchaos-off",
    ]  # fmt: skip
