"""``python -m pytest_netchaos serve`` as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from tests.loopback import await_arrival

COMMAND = [sys.executable, "-m", "pytest_netchaos", "serve"]


@pytest.fixture
def serve():
    """Start it; gives the process and what it has said."""
    started = []

    def start(*arguments):
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        said = process.stdout.readline()
        assert "listening on " in said, process.stderr.read()
        return process, said.split()[2].rstrip(",")

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=10)


def at(sock):
    return f"127.0.0.1:{sock.getsockname()[1]}"


def get(where, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://{where}{path}", data, timeout=10) as response:
        return response.read().decode()


def fails(*arguments):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def config(tmp_path, said):
    path = tmp_path / "proxies.json"
    path.write_text(said if isinstance(said, str) else json.dumps(said))
    return str(path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_with_a_fin_and_exits_with_0(serve, number):
    process, where = serve("--listen", "127.0.0.1:0")
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(10)
        made = json.loads(get(where, "/proxies", {"name": "a", "upstream": at(upstream)}))
        host, port = made["listen"].split(":")
        with socket.create_connection((host, int(port)), 10) as client, upstream.accept()[0] as server:
            server.settimeout(10)
            client.sendall(b"unread")
            await_arrival(client)
            process.send_signal(number)
            assert client.recv(1) == b""
            assert server.recv(9) == b"unread"
            assert server.recv(1) == b""
    assert process.wait(10) == 0
    assert process.stderr.read() == ""


def test_toxiproxys_own_spellings(serve, tmp_path):
    path = config(tmp_path, [{"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}])
    _, where = serve("-host", "localhost", "-port", "0", "-config", path, "-seed", "5", "-proxy-metrics")
    assert list(json.loads(get(where, "/proxies"))) == ["a"]
    assert "toxiproxy_proxy_sent_bytes_total" in get(where, "/metrics")


def test_runtime_metrics(serve):
    _, where = serve("--listen", "[::1]:0", "--runtime-metrics")
    assert "process_cpu_seconds_total" in get(where, "/metrics")


def test_a_config_with_toxics(serve, tmp_path):
    toxic = {"type": "latency", "attributes": {"latency": 5}}
    path = config(
        tmp_path,
        [{"name": "a", "upstream": "u:1", "enabled": False, "toxics": [toxic]}, {"name": "b", "upstream": "u:1"}],
    )
    _, where = serve("--listen", "127.0.0.1:0", "--config", path)
    proxies = json.loads(get(where, "/proxies"))
    assert proxies["a"]["toxics"][0]["attributes"] == {"latency": 5, "jitter": 0}
    assert [proxies[name]["enabled"] for name in "ab"] == [False, True]


def test_a_taken_port_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = fails("--listen", at(taken))
    assert code == 1
    assert "address already in use; end what listens there, or choose another port with --listen" in said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{", "unexpected EOF"),
        ("{}", "the list of proxies must be an array, not an object"),
        ([{"name": "a", "upstream": "u:1"}, {"name": "b"}], "missing required field: upstream at proxy 2"),
        ([{"name": "a", "upstream": 5}], "upstream at proxy 1 must be a string, not 5"),
        ([{"name": "a", "upstream": "u:1", "listen": "x"}], "listen: address x: missing port in address at proxy 1"),
        ([{"name": "a", "upstream": "u:1", "toxics": {}}], "toxics at proxy 1 must be an array, not an object"),
        (
            [{"name": "a", "upstream": "u:1", "toxics": [{"type": "slicer"}]}],
            "attributes.average_size must be at least 1, and is 0 at toxic 1 at proxy 1",
        ),
    ],
)
def test_a_bad_config_names_file_proxy_and_field(tmp_path, said, expected):
    path = config(tmp_path, said)
    assert fails("--listen", "127.0.0.1:0", "--config", path) == (1, f"error: {path}: {expected}\n")


def test_a_config_whose_port_is_taken_names_the_proxy(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = at(taken)
        path = config(tmp_path, [{"name": "a", "upstream": "u:1", "listen": listen}])
        code, said = fails("--listen", "127.0.0.1:0", "--config", path)
    assert (code, said) == (1, f"error: {path}: listen tcp {listen}: bind: address already in use at proxy 1\n")


def test_what_isnt_there_or_makes_no_sense_is_refused():
    assert fails("--config", "/nowhere.json", "--listen", "127.0.0.1:0") == (
        1,
        "error: /nowhere.json: can't be read: No such file or directory\n",
    )
    assert "it takes HOST:PORT" in fails("--listen", "nonsense")[1]
    assert "give either" in fails("--listen", "127.0.0.1:0", "-port", "1")[1]


def test_the_version():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert "toxiproxy-server version 2.12.0" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--listen", "a..b:1"], "the host 'a..b' can't be looked up"),
        (["--listen", "192.0.2.1:8080"], "192.0.2.1:8080"),
        (["-proxy-metrics=maybe"], "true or false, not 'maybe'"),
    ],
)
def test_a_wrong_option_is_said_in_a_line_and_not_in_a_traceback(arguments, why):
    done = subprocess.run(
        [sys.executable, "-m", "pytest_netchaos", "serve", *arguments],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert "end what listens there" not in done.stderr


def test_a_flag_may_have_a_value_as_gos_have():
    command = [sys.executable, "-m", "pytest_netchaos", "serve", "-proxy-metrics=false", "-version=true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert "2.12.0" in done.stdout
