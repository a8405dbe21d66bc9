from __future__ import annotations

from types import SimpleNamespace

import pytest

from pytest_netchaos.session import choices
from pytest_netchaos.session.plugged_engines import plugged


def made_by(*given):
    return plugged(SimpleNamespace(hook=SimpleNamespace(pytest_netchaos_engines=lambda: [*given])))


def test_the_engines_of_all_plugins_are_known_by_name():
    assert made_by({"one": list}, {"two": dict, "three": set}) == {"two": dict, "three": set, "one": list}
    assert made_by() == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([["one"]], "must return a mapping of names to what makes the engine, not ['one']"),
        ([{"a:b": list}], "an engine's name has letters, digits, '_', '.' and '-', not 'a:b'"),
        ([{7: list}], "not 7"),
        ([{"docker": list}], "there is an engine 'docker' already"),
        ([{"one": list}, {"one": dict}], "there is an engine 'one' already"),
        ([{"one": "relay"}], "'one' must be something to call, not 'relay'"),
    ],
)
def test_what_cannot_be_an_engine_ends_the_run(given, said):
    with pytest.raises(pytest.UsageError) as caught:
        made_by(*given)
    assert said in str(caught.value)


def test_an_engine_of_a_plugin_can_be_chosen():
    chosen = choices.engine("mine", lambda: ["mine"])
    assert (chosen, str(chosen)) == (choices.Choice("plugin", "mine"), "mine")


def test_ours_are_chosen_without_asking_plugins():
    def never():
        raise AssertionError

    for name in ("embedded", "docker", "docker:x", "toxiproxy:y", "http://127.0.0.1:8474"):
        assert choices.engine(name, never).kind != "plugin"


def test_a_wrong_name_is_answered_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"^one of embedded, docker, .*, or of a plugin: mine, yours$"):
        choices.engine("main", lambda: ["mine", "yours"])
    with pytest.raises(ValueError, match=r"PORT$"):
        choices.engine("main")
