"""The shapes in which redis-py returns entries. What it is recorded from is in the integration tests."""

from __future__ import annotations

import pytest

from pytest_netchaos.recorders.streams import streams_of

ENTRIES = [(b"1-0", {b"n": b"1"}), (b"2-0", {b"n": b"2"})]


@pytest.mark.parametrize("reply", [[[b"s", ENTRIES]], {b"s": ENTRIES}, {b"s": [ENTRIES]}])
def test_entries_are_found_in_every_shape(reply):
    assert list(streams_of(reply)) == [("s", ENTRIES)]


@pytest.mark.parametrize("reply", [None, [], {}])
def test_nothing_was_read(reply):
    assert list(streams_of(reply)) == []


@pytest.mark.parametrize("reply", [{b"s": []}, {b"s": [[]]}, [[b"s", []]]])
def test_a_stream_without_entries(reply):
    assert list(streams_of(reply)) == [("s", [])]
