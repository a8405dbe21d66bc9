from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_netchaos.relay.wire import LONGEST_LINE, Lines, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\\t\n\rtn"))
messages = st.lists(texts, min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (("ok", 1, 2.5), b"ok\t1\t2.5\n"),
        (("",), b"\n"),
        (("", "", ""), b"\t\t\n"),
        (("a\tb\nc\\d",), b"a\\tb\\nc\\\\d\n"),
        (("\\t",), b"\\\\t\n"),
        (("é\r",), b"\xc3\xa9\r\n"),
        ((0.1 + 0.2, 1e300, float("inf")), b"0.30000000000000004\t1e+300\tinf\n"),
    ],
)
def test_how_messages_look(fields, line):
    assert encode(*fields) == line
    assert decode(line[:-1]) == [str(field) for field in fields]


@settings(max_examples=50)
@given(messages)
def test_what_was_encoded_is_decoded(fields):
    line = encode(*fields)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == fields


@settings(max_examples=50)
@given(st.floats(allow_nan=False))
def test_numbers_keep_their_full_precision(number):
    assert float(decode(encode(number)[:-1])[0]) == number


@settings(max_examples=50)
@given(st.lists(messages, max_size=5), st.data())
def test_messages_may_be_cut_anywhere(sent, data):
    stream = b"".join(encode(*fields) for fields in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    lines = Lines()
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [message for piece in pieces for message in lines.feed(piece)] == sent


@settings(max_examples=50)
@given(st.binary())
def test_no_input_breaks_the_decoder(data):
    received = list(Lines().feed(data))
    assert len(received) == data.count(b"\n")
    assert all(isinstance(field, str) for message in received for field in message)


def test_a_message_without_its_end_is_kept_back():
    lines = Lines()
    assert list(lines.feed(b"hel")) == []
    assert list(lines.feed(b"lo\t1")) == []
    assert list(lines.feed(b"\nnext")) == [["hello", "1"]]
    assert list(lines.feed(b"\n")) == [["next"]]


def test_a_message_that_never_ends_is_refused_up_to_its_end():
    lines = Lines()
    assert list(lines.feed(b"x" * LONGEST_LINE)) == []
    with pytest.raises(ValueError, match=f"^a message without an end: {LONGEST_LINE + 1} bytes$"):
        list(lines.feed(b"x"))
    assert list(lines.feed(b"x" * LONGEST_LINE)) == []
    assert list(lines.feed(b"x" * LONGEST_LINE)) == [], "it is refused once"
    assert list(lines.feed(b"x\nnext\nbut")) == [["next"]]
    assert list(lines.feed(b" one\n")) == [["but one"]]


def test_what_came_before_a_message_without_an_end_is_heard():
    lines = Lines()
    messages = lines.feed(b"first\n" + b"x" * (LONGEST_LINE + 1))
    assert next(messages) == ["first"]
    with pytest.raises(ValueError, match="without an end"):
        next(messages)


def test_it_knows_whether_a_message_has_begun():
    lines = Lines()
    assert lines.is_between
    list(lines.feed(b"hel"))
    assert not lines.is_between
    list(lines.feed(b"lo\n"))
    assert lines.is_between


def test_a_long_stream_of_short_messages_is_no_long_message():
    count = LONGEST_LINE // 500
    assert sum(1 for _ in Lines().feed((b"x" * 999 + b"\n") * count)) == count


def test_a_path_that_is_no_utf_8_arrives():
    path = os.fsdecode(b"/run/\xff.sock")
    assert decode(encode(path)[:-1]) == [path]
