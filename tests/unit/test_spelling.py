from __future__ import annotations

from pytest_netchaos.spelling import spelled


class Unsayable(Exception):
    def __str__(self):
        raise ValueError("no")

    def __repr__(self):
        raise OSError("no")


def test_a_value_is_written_as_it_writes_itself():
    assert spelled("a") == "'a'"
    assert spelled(ValueError("a"), str) == "a"


def test_a_value_that_cannot_is_named_by_its_class_and_what_it_raises():
    assert spelled(Unsayable()) == "<Unsayable: OSError in its repr()>"
    assert spelled(Unsayable(), str) == "<Unsayable: ValueError in its str()>"
