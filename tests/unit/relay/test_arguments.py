from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.arguments import number, quote, seconds, upstream, upstreams_of, whole, windows_of

texts = st.text(max_size=30) | st.floats().map(repr) | st.integers().map(str)


@pytest.mark.parametrize("text", ["", "x", "1.5", "nan", "0x10", "9" * 5000])
def test_what_is_no_whole_number_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"^fault must be a whole number, not '"):
        whole("fault", text)


@pytest.mark.parametrize("text", ["", "x", "1,2"])
def test_what_is_no_number_is_refused_by_name(text):
    with pytest.raises(ValueError, match=rf"^toxicity must be a number, not '{text}'$"):
        number("toxicity", text)


@pytest.mark.parametrize("text", ["-1", "nan", "-inf", "x"])
def test_what_is_no_time_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"^pause must be "):
        seconds("pause", text)


def test_a_long_value_is_quoted_in_part():
    assert len(quote("x" * 1000)) < 50
    assert quote("x") == "'x'"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (("once", "inf"), [(0.0, float("inf"))]),
        (("once", "1.5"), [(0.0, 1.5)]),
        (("flap", "1", "1", "2", "2", "2"), [(0.0, 1.0), (3.0, 4.0)]),
    ],
)
def test_windows_are_read(spec, expected):
    assert list(windows_of(7, *spec)) == expected


@pytest.mark.parametrize(
    "spec",
    [
        (), ("once",), ("once", "x"), ("once", "nan"), ("once", "-1"), ("once", "1", "1"), ("twice", "1"),
        ("flap", "1", "1", "1", "1"), ("flap", "2", "1", "1", "1", "1"), ("flap", "1", "inf", "1", "1", "1"),
        ("flap", "0", "0", "0", "0", "0"), ("flap", "0", "9", "0", "9", "0"), ("flap", "1", "1", "1", "1", "-1"),
    ],
)  # fmt: skip
def test_windows_that_are_none_are_refused(spec):
    with pytest.raises(ValueError, match="window"):
        windows_of(7, *spec)


def test_addresses_are_read():
    fields = ("4", "127.0.0.1", "80", "6", "::1", "81", "6", "fe80::1%lo", "82", "u", "/run/\udcff.sock", "0")
    assert upstreams_of(fields) == [
        (socket.AF_INET, ("127.0.0.1", 80)),
        (socket.AF_INET6, ("::1", 81)),
        (socket.AF_INET6, ("fe80::1%lo", 82)),
        (socket.AF_UNIX, "/run/\udcff.sock"),
    ]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (("4", "localhost", "80"), "host"),  # a name would have to be asked for, and every connection to wait
        (("4", "127.0.0.1\0", "80"), "host"),
        (("4", "::1", "80"), "host"),
        (("6", "127.0.0.1", "80"), "host"),
        (("6", "", "80"), "host"),
        (("4", "127.0.0.1", "65536"), "port"),
        (("4", "127.0.0.1", "-1"), "port"),
        (("4", "127.0.0.1", ""), "port"),
        (("5", "127.0.0.1", "80"), "family"),
        (("u", "", "0"), "path"),
        (("u", "a\0b", "0"), "path"),
        (("u", "é" * 54, "0"), "path"),
        (("4", "127.0.0.1"), "upstream"),
    ],
)
def test_what_cannot_be_dialled_is_refused_by_name(fields, named):
    with pytest.raises(ValueError, match=named):
        upstreams_of(fields)


@settings(max_examples=100)
@given(texts, texts, texts)
def test_nothing_but_a_value_error_comes_of_any_text(family, host, port):
    for read in (
        lambda: upstream(family, host, port),
        lambda: upstream("4", host, port),
        lambda: upstream("6", host, "80"),
        lambda: upstream("u", host, "0"),
        lambda: windows_of(7, "once", family),
        lambda: windows_of(7, "flap", family, host, port, family, port),
    ):
        try:
            read()
        except ValueError as error:
            assert len(str(error)) < 250  # noqa: PT017 - mostly it is one
