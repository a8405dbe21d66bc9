from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from pytest_netchaos.relay import log


@pytest.fixture(autouse=True)
def nothing_dropped(monkeypatch):
    monkeypatch.setattr(log, "_dropped", 0)


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    yield reading, stream
    stream.close()
    if reading is not None:
        os.close(reading)


def fill(stream):
    os.set_blocking(stream.fileno(), False)
    try:
        while True:
            os.write(stream.fileno(), b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(stream.fileno(), True)


def test_a_text_is_written_at_once(pipe):
    reading, stream = pipe
    assert log.put(stream, "hé\udc80\n")
    assert os.read(reading, 99) == "hé\\udc80\n".encode()


def test_a_full_pipe_is_not_waited_for(pipe):
    fill(pipe[1])
    assert not log.put(pipe[1], "x")
    assert os.get_blocking(pipe[1].fileno())


def test_a_text_that_is_longer_than_a_pipe_is_cut_where_it_is_full(pipe):
    assert not log.put(pipe[1], "x" * (1 << 20))


def test_a_long_text_is_whole_where_there_is_room(pipe):
    reading, stream = pipe
    assert log.put(stream, "x" * 30_000)
    assert len(os.read(reading, 99_999)) == 30_000


def test_what_was_dropped_is_counted(pipe, monkeypatch):
    reading, stream = pipe
    monkeypatch.setattr(sys, "stderr", stream)
    fill(stream)
    log.say("one\n")
    log.say("two\n")
    os.read(reading, 1 << 20)
    log.say("three\n")
    log.say("four\n")
    assert os.read(reading, 999) == b"(log: 2 not written here, as nobody took them)\nthree\nfour\n"


def test_a_reader_that_has_gone_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        assert not log.put(stream, "x")


def test_no_stream_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    log.say("x")
    assert not log.put(None, "x")


def test_a_closed_stream_is_no_error():
    stream = io.StringIO()
    stream.close()
    assert not log.put(stream, "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_disk_is_no_error():
    with Path("/dev/full").open("w") as stream:
        assert not log.put(stream, "x")


def test_a_stream_without_a_descriptor_is_written_to():
    stream = io.StringIO()
    assert log.put(stream, "x")
    assert stream.getvalue() == "x"
