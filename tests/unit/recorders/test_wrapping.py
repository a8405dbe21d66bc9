"""Standing in front of a method."""

from __future__ import annotations

import asyncio
import functools
import inspect

import pytest

from pytest_netchaos.recorders.wrapping import WatchedMethod, require, watched


class Client:
    def __init__(self):
        self.sent = []

    def send(self, message, *, flag=False):
        """Send it."""
        self.sent.append((message, flag))
        if message == "bad":
            raise OSError("broken")
        return f"sent {message}"

    async def send_async(self, message):
        return self.send(message)

    def send_later(self, message):
        return self.send_async(message)

    def send_twice(self, message):
        return self.send(message), self.send(message)


class Watcher:
    def __init__(self):
        self.calls = []
        self.ends = []

    def before(self, arguments):
        self.calls.append(arguments.get("message"))
        return lambda result, error: self.ends.append((result, error))


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def watcher():
    return Watcher()


def test_a_call_returns_what_it_did_and_is_seen(client, watcher):
    WatchedMethod(client, "send", watcher.before, is_async=False)
    assert client.send("a", flag=True) == "sent a"
    assert client.sent == [("a", True)]
    assert (watcher.calls, watcher.ends) == (["a"], [("sent a", None)])


def test_an_exception_goes_on_its_way_as_the_same_object(client, watcher):
    WatchedMethod(client, "send", watcher.before, is_async=False)
    with pytest.raises(OSError, match="broken") as raised:
        client.send("bad")
    assert watcher.ends == [(None, raised.value)]


def test_the_object_itself_calls_what_is_watched(client, watcher):
    WatchedMethod(client, "send", watcher.before, is_async=False)
    client.send_twice("a")
    assert watcher.calls == ["a", "a"]


def test_other_objects_of_the_class_are_left_alone(client, watcher):
    WatchedMethod(client, "send", watcher.before, is_async=False)
    Client().send("a")
    assert watcher.calls == []


def test_name_documentation_and_signature_stay(client, watcher):
    before = (client.send.__name__, client.send.__doc__, inspect.signature(client.send))
    WatchedMethod(client, "send", watcher.before, is_async=False)
    assert (client.send.__name__, client.send.__doc__, inspect.signature(client.send)) == before


def test_a_coroutine_function_stays_one(client, watcher):
    WatchedMethod(client, "send_async", watcher.before, is_async=True)
    assert inspect.iscoroutinefunction(client.send_async)
    assert asyncio.run(client.send_async("a")) == "sent a"
    with pytest.raises(OSError, match="broken"):
        asyncio.run(client.send_async("bad"))
    assert [result for result, _ in watcher.ends] == ["sent a", None]


def test_a_coroutine_that_a_plain_function_returns_ends_the_call(client, watcher):
    WatchedMethod(client, "send_later", watcher.before, is_async=False)
    coroutine = client.send_later("a")
    assert watcher.ends == []
    assert asyncio.run(coroutine) == "sent a"
    assert watcher.ends == [("sent a", None)]


@pytest.mark.parametrize("name", ["send", "send_async"])
def test_a_call_with_wrong_arguments_fails_as_without(client, watcher, name):
    WatchedMethod(client, name, watcher.before, is_async=name == "send_async")
    with pytest.raises(TypeError, match=rf"{name}\(\) got an unexpected keyword argument 'colour'"):
        called = getattr(client, name)("a", colour="red")
        asyncio.run(called)
    assert len(watcher.ends) == 1


def test_a_removed_wrapper_leaves_nothing(client, watcher):
    watch = WatchedMethod(client, "send", watcher.before, is_async=False)
    watch.remove()
    assert "send" not in vars(client)
    client.send("a")
    assert watcher.calls == []


def test_an_attribute_that_was_there_before_comes_back(client, watcher):
    own = client.send = lambda message: f"own {message}"
    watch = WatchedMethod(client, "send", watcher.before, is_async=False)
    assert client.send("a") == "own a"
    watch.remove()
    assert client.send is own


@pytest.mark.parametrize("first", [0, 1])
def test_two_wrappers_can_be_removed_in_any_order(client, first):
    watchers = [Watcher(), Watcher()]
    watches = [WatchedMethod(client, "send", watcher.before, is_async=False) for watcher in watchers]
    client.send("a")
    watches[first].remove()
    client.send("b")
    watches[1 - first].remove()
    client.send("c")
    assert watchers[first].calls == ["a"]
    assert watchers[1 - first].calls == ["a", "b"]
    assert client.sent == [("a", False), ("b", False), ("c", False)]


def test_a_function_that_nobody_wants_to_hear_the_end_of():
    assert watched(len, lambda _: None, is_async=False)("abc") == 3


def test_a_version_that_lacks_a_method_is_named(client):
    require(client, "redis", "send")
    with pytest.raises(RuntimeError, match=r"Client of redis \d.* has no gone, missing: this version"):
        require(client, "redis", "send", "gone", "missing")


class LooseClient(Client):
    def send(self, *args, **kwargs):
        return super().send(*args, **kwargs)


def test_what_a_subclass_hands_on_as_it_is_is_known_by_its_names(watcher):
    client = LooseClient()
    WatchedMethod(client, "send", watcher.before, is_async=False)
    assert client.send("a", flag=True) == "sent a"
    assert watcher.calls == ["a"]


def test_wrappers_that_are_removed_in_the_order_in_which_they_came_leave_nothing(client, watcher):
    watches = [WatchedMethod(client, "send", watcher.before, is_async=False) for _ in range(3)]
    for watch in watches:
        watch.remove()
    assert "send" not in vars(client)


def test_somebody_else_s_wrapper_between_two_of_ours_stays(client, watcher):
    inner = WatchedMethod(client, "send", watcher.before, is_async=False)
    watched_send = client.send

    @functools.wraps(watched_send)
    def foreign(message):
        return f"foreign {watched_send(message)}"

    client.send = foreign
    outer = WatchedMethod(client, "send", watcher.before, is_async=False)
    inner.remove()
    outer.remove()
    assert client.send is foreign
    assert client.send("a") == "foreign sent a"
    assert watcher.calls == []
