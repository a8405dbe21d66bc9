"""The arguments of one call, by name."""

from __future__ import annotations

import pytest

from pytest_netchaos.recorders.arguments import Arguments, parameter_order


def send(channel, message=None, *more, flag=False):
    return channel, message, more, flag


def arguments(*args, **kwargs):
    return Arguments(parameter_order(send), args, kwargs)


def test_the_order_is_that_of_the_parameters_that_can_be_passed_by_position():
    assert parameter_order(send) == {"channel": 0, "message": 1}


def test_a_function_that_python_cannot_look_into_has_no_order():
    assert parameter_order(dict.fromkeys) is not None
    assert parameter_order(type) == {}


@pytest.mark.parametrize(
    "given", [arguments("a", "b"), arguments("a", message="b"), arguments(channel="a", message="b")]
)
def test_an_argument_is_found_however_it_was_passed(given):
    assert (given.get("channel"), given.get("message"), given.get("flag")) == ("a", "b", None)
    assert given.require("message") == "b"
    assert given.require(1) == "b"


@pytest.mark.parametrize("which", ["message", "nonsense", 1, 7])
def test_an_argument_that_was_left_out_is_named(which):
    with pytest.raises(LookupError, match=repr(which)):
        arguments("a").require(which)


@pytest.mark.parametrize("given", [arguments("a", "b", "c"), arguments("a", message="b"), arguments("a")])
def test_what_is_put_is_what_the_function_gets(given):
    given.put("message", "new")
    channel, message, *_ = send(*given.positional, **given.named)
    assert (channel, message) == ("a", "new")


def test_what_is_put_leaves_the_rest_as_it_was():
    given = arguments("a", "b", "c", flag=True)
    given.put("message", "new")
    assert send(*given.positional, **given.named) == ("a", "new", ("c",), True)


def test_the_arguments_behind_a_parameter():
    assert arguments("a", "b", "c", "d").after("message") == ("c", "d")
    assert arguments("a").after("message") == ()


def test_what_a_method_hands_on_as_it_is_has_the_names_of_the_one_that_it_overrides():
    def loose(channel, *args, **kwargs):
        return send(channel, *args, **kwargs)

    assert parameter_order(loose) == {"channel": 0}
    assert parameter_order(loose, send) == {"channel": 0, "message": 1}


def test_a_method_that_takes_no_more_than_it_names_is_not_looked_behind():
    assert parameter_order(lambda message: message, send) == {"message": 0}


def test_a_parameter_keeps_the_place_that_the_nearest_method_gives_it():
    def turned(message, channel, *more):
        return send(channel, message, *more)

    def base(channel, message, extra):
        return channel, message, extra

    assert parameter_order(turned, base) == {"message": 0, "channel": 1, "extra": 2}
