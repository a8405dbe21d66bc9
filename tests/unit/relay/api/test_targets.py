from __future__ import annotations

import pytest

from pytest_netchaos.relay.api.routes import find
from pytest_netchaos.relay.api.targets import clean, escape, parse_target, unescape


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a?b=c?d", ("/a", "b=c?d")),
        ("http://host/a?b", ("/a", "b")),
        ("HTTP://host", ("/", "")),
        ("*", ("*", "")),
        ("/a%2Fb", ("/a%2Fb", "")),
        ("a", None),
        ("", None),
        ("/a\x7f", None),
        ("/%", None),
        ("/%2", None),
        ("/%2x", None),
        ("http:///a", None),
    ],
)
def test_targets(target, expected):
    assert parse_target(target, "GET") == expected


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("/", "/"), ("//a", "/a"), ("/a/", "/a/"), ("/a//b/./c/..", "/a/b"), ("/..", "/"), ("*", "/*"), ("/a/../", "/")],
)
def test_paths_are_cleaned(path, cleaned):
    assert clean(path) == cleaned
    assert clean(cleaned) == cleaned


def test_escapes():
    assert unescape("%C3%A9+%20a%2fb") == "é+ a/b"
    assert unescape("%ff") == "\ufffd"
    assert escape("/*é%2F") == "/%2A%C3%A9%2F"


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/version", ("version", ())),
        ("/%76ersion", ("version", ())),
        ("/proxies", ("proxies", ())),
        ("/proxies/a%2Fb", ("proxy", ("a/b",))),
        ("/proxies/a/toxics", ("toxics", ("a",))),
        ("/proxies/a/toxics/b", ("toxic", ("a", "b"))),
        ("/proxies/", None),
        ("/proxies/a/", None),
        ("/proxies/a/toxic", None),
        ("/proxies/a/toxics/b/c", None),
        ("/version/", None),
        ("/", None),
    ],
)
def test_endpoints(path, endpoint):
    assert find(path) == endpoint
