from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_netchaos.session import choices
from pytest_netchaos.session.choices import EMBEDDED, Choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("embedded", EMBEDDED),
        ("docker", Choice("docker", choices.TOXIPROXY_IMAGE)),
        ("docker:here:5000/toxiproxy:2.9", Choice("docker", "here:5000/toxiproxy:2.9")),
        ("toxiproxy", Choice("toxiproxy", choices.TOXIPROXY_PROGRAM)),
        ("toxiproxy:/opt/toxiproxy", Choice("toxiproxy", "/opt/toxiproxy")),
        ("http://127.0.0.1:8474", Choice("url", "http://127.0.0.1:8474")),
        ("http://[::1]?ports=1-2&host=h", Choice("url", "http://[::1]?ports=1-2&host=h")),
    ],
)
def test_engines(text, choice):
    assert choices.engine(text) == choice
    assert str(choice) == text


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("embedded", EMBEDDED),
        ("docker", Choice("docker", choices.REDIS_IMAGE)),
        ("docker:valkey/valkey:8", Choice("docker", "valkey/valkey:8")),
        ("local", Choice("local", choices.REDIS_PROGRAM)),
        ("local:./redis", Choice("local", "./redis")),
        ("redis://127.0.0.1", Choice("url", "redis://127.0.0.1")),
        ("redis://127.0.0.1:6379/3", Choice("url", "redis://127.0.0.1:6379/3")),
    ],
)
def test_redises(text, choice):
    assert choices.redis(text) == choice
    assert str(choice) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:secret@h:1/0", "redis://:***@h:1/0"),
        ("redis://user:s3c/ret@h", "redis://user:***@h"),
        ("redis://u:pa:ss@h", "redis://u:***@h"),
        ("redis://u:p@:s@s@h:1/2", "redis://u:***@h:1/2"),
        ("redis://[::1]:1/2", "redis://[::1]:1/2"),
        ("redis://:s@[::1]:1/2", "redis://:***@[::1]:1/2"),
        ("redis://user:secret@h", "redis://user:***@h"),
        ("redis://user@h:1", "redis://user@h:1"),
    ],
)
def test_no_password_is_shown(text, shown):
    assert str(Choice("url", text)) == shown


@pytest.mark.parametrize("text", ["", "Docker", "docker:", "toxiproxy:", "embedded:x", "local", "no such thing", "url"])
def test_what_is_no_engine_is_refused_with_what_is_one(text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is what counts
        choices.engine(text)
    assert str(caught.value) == f"one of {choices.ENGINES}"


@pytest.mark.parametrize("text", ["", "Docker", "docker:", "local:", "embedded:x", "toxiproxy", "127.0.0.1:6379"])
def test_what_is_no_redis_is_refused_with_what_is_one(text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        choices.redis(text)
    assert str(caught.value) == f"one of {choices.REDISES}"


@pytest.mark.parametrize("text", ["https://h", "http://", "ftp://h", "://", "http://h:99999", "http://[::1"])
def test_a_url_that_is_no_engine(text):
    with pytest.raises(ValueError, match=r"^an http:// URL of a Toxiproxy's API, such as http://127\.0\.0\.1:8474$"):
        choices.engine(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://h", "rediss://h", "redis://", "redis://h:99999", "redis://h:x", "redis://[::1", "redis://h/db",
        "redis://h/-1", "redis://h?db=1",
    ],
)  # fmt: skip
def test_a_url_that_is_no_redis(text):
    with pytest.raises(ValueError, match=r"^a redis:// URL with a host, such as redis://127\.0\.0\.1:6379/0$"):
        choices.redis(text)


def test_what_no_choice_needs_is_not_imported():
    code = (
        "import sys; from pytest_netchaos.session import choices; choices.engine('docker'); choices.redis('docker');"
        "print([name for name in sys.modules if 'netchaos.services' in name or name in ('docker', 'http.client')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "is_linux", "kind"),
    [
        ("", True, "linux"),
        ("", False, "portable"),
        ("portable", True, "portable"),
        ("select", True, "select"),
        ("select", False, "select"),
    ],
)
def test_the_relay_is_what_the_system_allows_or_what_was_asked_for(text, is_linux, kind):
    assert choices.relay(text, is_linux=is_linux) == kind


@pytest.mark.parametrize("text", ["linux", "Portable", "poll", " "])
def test_what_is_no_way_for_the_relay(text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        choices.relay(text, is_linux=True)
    assert str(caught.value) == f"NETCHAOS_RELAY must be portable or select, or not set, not {text!r}"
