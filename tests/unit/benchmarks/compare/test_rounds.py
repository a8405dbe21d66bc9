from __future__ import annotations

from types import SimpleNamespace

from benchmarks.compare.rounds import in_turns

TURNS = [(SimpleNamespace(name=name), None) for name in ("a", "b", "c")]


def test_everybody_has_a_turn_in_each_round_and_somebody_else_begins():
    asked = []
    in_turns(3, TURNS, lambda contender, _: asked.append(contender.name))
    assert "".join(asked) == "abcbcacababc"


def test_the_first_round_is_warm_up():
    numbers = iter(range(100))
    assert in_turns(2, TURNS, lambda *_: next(numbers)) == {"a": [5, 7], "b": [3, 8], "c": [4, 6]}
