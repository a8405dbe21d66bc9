from __future__ import annotations

import pytest

from pytest_netchaos.relay.end import End


@pytest.mark.parametrize("flag", ["readable", "writable"])
def test_an_end_may_be_read_and_written_until_a_call_says_otherwise(flag):
    assert getattr(End("client"), flag) is True


@pytest.mark.parametrize("flag", ["finished", "broken"])
def test_an_end_is_whole_at_first(flag):
    assert getattr(End("client"), flag) is False


def test_an_end_has_no_dictionary_of_its_own():
    with pytest.raises(AttributeError):
        End("client").anything = 1
