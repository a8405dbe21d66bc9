"""The options, each in its three places."""

from __future__ import annotations

import pytest

SHOW = """
def test_it(netchaos):
    print(f"seed={netchaos.seed} timeout={netchaos._timeout:g}")
"""

PLACES = [
    pytest.param({"args": ["--netchaos-{name}={value}"]}, id="flag"),
    pytest.param({"env": "NETCHAOS_{NAME}"}, id="environment"),
    pytest.param({"ini": "netchaos_{name}"}, id="ini"),
]


def put(pytester, monkeypatch, place, name, value):
    """Give an option in one of its places; return the arguments to run with."""
    if "env" in place:
        monkeypatch.setenv(place["env"].format(NAME=name.upper()), value)
    if "ini" in place:
        pytester.makeini(f"[pytest]\n{place['ini'].format(name=name)} = {value}\n")
    return [argument.format(name=name, value=value) for argument in place.get("args", [])]


@pytest.mark.parametrize("place", PLACES)
def test_the_seed_is_taken_from_each_place(pytester, monkeypatch, place):
    pytester.makepyfile(SHOW)
    result = pytester.runpytest_inprocess(*put(pytester, monkeypatch, place, "seed", "42"))
    result.stdout.fnmatch_lines(["netchaos: engine embedded, --netchaos-seed=42"])


@pytest.mark.parametrize("place", PLACES)
def test_the_timeout_is_taken_from_each_place(pytester, monkeypatch, place):
    pytester.makepyfile(SHOW)
    result = pytester.runpytest_inprocess("-s", *put(pytester, monkeypatch, place, "timeout", "7.5"))
    result.stdout.fnmatch_lines(["*timeout=7.5*"])


def test_the_command_line_wins_over_the_environment_and_that_over_the_ini_file(pytester, monkeypatch):
    pytester.makepyfile(SHOW)
    pytester.makeini("[pytest]\nnetchaos_seed = 1\nnetchaos_timeout = 1\n")
    monkeypatch.setenv("NETCHAOS_SEED", "2")
    monkeypatch.setenv("NETCHAOS_TIMEOUT", "2")
    result = pytester.runpytest_inprocess("-s", "--netchaos-seed=3")
    result.stdout.fnmatch_lines(["netchaos: engine embedded, --netchaos-seed=3", "*timeout=2*"])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("seed", "-1", "'random', 'last' or a whole number from 0 to 9223372036854775807"),
        ("seed", "1.5", "'random', 'last' or a whole number from 0 to 9223372036854775807"),
        ("seed", "9223372036854775808", "'random', 'last' or a whole number from 0 to 9223372036854775807"),
        ("timeout", "0", "a number of seconds above 0 and up to 3600"),
        ("timeout", "soon", "a number of seconds above 0 and up to 3600"),
        ("timeout", "nan", "a number of seconds above 0 and up to 3600"),
        ("timeout", "5000", "a number of seconds above 0 and up to 3600"),
    ],
)
def test_a_wrong_value_ends_the_run_and_says_where_it_stands(pytester, monkeypatch, place, name, value, allowed):
    result = pytester.runpytest_inprocess(*put(pytester, monkeypatch, place, name, value))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = put(pytester, monkeypatch, place, name, value) or [place.get("env", place.get("ini", ""))]
    where = said[0].partition("=")[0].format(name=name, NAME=name.upper())
    result.stderr.fnmatch_lines([f"ERROR: {where}* must be {allowed}, not {value!r}"])


def test_random_seeds_differ_and_can_be_repeated(pytester):
    pytester.makepyfile(SHOW)

    def run(*arguments):
        lines = pytester.runpytest_inprocess("-s", *arguments).outlines
        header = next(line for line in lines if line.startswith("netchaos:"))
        return header.rpartition(" ")[2], next(line for line in lines if "seed=" in line and "timeout=" in line)

    first, second = run(), run()
    assert first != second
    assert run(first[0]) == first


@pytest.mark.parametrize("workers", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
def test_a_tests_seed_depends_on_the_runs_seed_and_its_own_name_only(pytester, workers):
    pytester.makepyfile(
        test_seeds="""
        import pathlib, pytest

        @pytest.mark.parametrize("n", range(4))
        def test_it(netchaos, n):
            with pathlib.Path("seeds").open("a") as file:
                file.write(f"{n} {netchaos.seed}\\n")
        """
    )
    pytester.runpytest_inprocess("--netchaos-seed=5", *workers).assert_outcomes(passed=4)
    assert sorted((pytester.path / "seeds").read_text().splitlines()) == [
        "0 5552203870227503042",
        "1 6329398769057155210",
        "2 1535369633963050380",
        "3 3017584336288111234",
    ]
