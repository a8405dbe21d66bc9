from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.docker import require_docker

from pytest_netchaos.errors import DockerUnavailable, ServiceError
from pytest_netchaos.services.docker import daemon
from pytest_netchaos.services.docker.daemon import Place, find, places

DEFAULT = Place("unix:///var/run/docker.sock", "the default socket")


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """The ``docker`` command's settings: none."""
    pytest.importorskip("docker")
    home = tmp_path / "config"
    home.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(home))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    return home


@pytest.fixture
def socket_path(tmp_path):
    return tmp_path / "d.sock"


def named(path):
    return {"DOCKER_HOST": f"unix://{path}"}


def context(config, name, host):
    from hashlib import sha256

    meta = config / "contexts" / "meta" / sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(
        json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}})
    )


# Where to look


def test_without_settings():
    assert [*places({})] == [DEFAULT]


def test_a_rootless_socket_is_looked_for():
    assert [*places({"XDG_RUNTIME_DIR": "/run/user/7"})] == [
        DEFAULT,
        Place("unix:///run/user/7/docker.sock", "rootless, in XDG_RUNTIME_DIR"),
    ]


def test_docker_desktops_socket_is_looked_for(tmp_path):
    path = tmp_path / ".docker" / "run" / "docker.sock"
    path.parent.mkdir(parents=True)
    path.touch()
    assert [*places({})][1:] == [Place(f"unix://{path}", "Docker Desktop")]


def test_the_environment_names_the_only_place():
    environ = {"DOCKER_HOST": "tcp://there:2375", "XDG_RUNTIME_DIR": "/run/user/7", "DOCKER_CONTEXT": "other"}
    assert [*places(environ)] == [Place("tcp://there:2375", "DOCKER_HOST")]


def test_tls():
    (place,) = places({"DOCKER_HOST": "tcp://there:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"})
    assert place.tls == {
        "client_cert": ("/certs/cert.pem", "/certs/key.pem"),
        "ca_cert": "/certs/ca.pem",
        "verify": True,
    }


def test_a_context(config):
    (config / "config.json").write_text("{}")
    context(config, "there", "tcp://there:2375")
    assert [*places({"DOCKER_CONTEXT": "there"})] == [Place("tcp://there:2375", "the Docker context 'there'")]
    (config / "config.json").write_text(json.dumps({"currentContext": "there"}))
    assert [place.url for place in places({})] == ["tcp://there:2375"]
    assert [*places({"DOCKER_CONTEXT": "default"})] == [DEFAULT]


def test_a_context_that_does_not_exist():
    with pytest.raises(DockerUnavailable, match="no Docker context 'there': `docker context ls`"):
        find({"DOCKER_CONTEXT": "there"})


# What can go wrong


def test_it_is_a_service_error():
    assert issubclass(DockerUnavailable, ServiceError)


def test_everything_that_was_tried_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, "_DEFAULT_SOCKET", f"unix://{tmp_path}/none.sock")
    with pytest.raises(DockerUnavailable) as caught:
        find({"XDG_RUNTIME_DIR": str(tmp_path)})
    first, *tried = str(caught.value).splitlines()
    assert first == "no Docker daemon can be used. Tried:"
    assert [line.split()[0] for line in tried] == [f"unix://{tmp_path}/none.sock", f"unix://{tmp_path}/docker.sock"]
    assert all("no such socket: is Docker installed and running" in line for line in tried)


def test_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(DockerUnavailable, match=r"pip install 'pytest-netchaos\[docker\]'"):
        find({})


def test_a_socket_without_a_server(socket_path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(socket_path))
    with pytest.raises(DockerUnavailable, match=r"d.sock \(DOCKER_HOST\): connection refused: nobody listens there"):
        find(named(socket_path))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_socket_without_the_right_to_it(socket_path):
    """In a child: the right is that of a process."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(socket_path))
        bound.listen()
        socket_path.chmod(0)
        for parent in (socket_path.parent, *socket_path.parents[1:3]):
            parent.chmod(0o755)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.setgroups([])
                os.setuid(65534)
                said = daemon._unreachable(Place(f"unix://{socket_path}", "DOCKER_HOST"), 1) or "nothing"
            except BaseException as error:
                said = repr(error)
            os.write(writing, said.encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writing)
        with os.fdopen(reading) as said:
            assert "permission denied: add yourself to the group that owns the socket" in said.read()


def test_a_tcp_port_without_a_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DockerUnavailable, match=rf"tcp://127.0.0.1:{port} \(DOCKER_HOST\): connection refused"):
        find({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"})


def test_a_host_that_nobody_knows():
    with pytest.raises(DockerUnavailable, match=r"no-such-host.invalid:2375 \(DOCKER_HOST\): "):
        find({"DOCKER_HOST": "tcp://no-such-host.invalid:2375"})


@pytest.mark.parametrize("url", ["ftp://there", "tcp://", "nonsense://x"])
def test_a_wrong_url(url):
    with pytest.raises(DockerUnavailable, match=f"{url} .DOCKER_HOST."):
        find({"DOCKER_HOST": url})


def test_tls_files_that_are_not_there():
    with pytest.raises(DockerUnavailable, match=r"TLS failed.*ca.pem, cert.pem and key.pem"):
        find({"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/no/such/directory"})


def test_a_daemon_that_hangs(socket_path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(socket_path))
        bound.listen()
        began = time.monotonic()
        with pytest.raises(DockerUnavailable, match="it accepts, but does not answer"):
            find(named(socket_path), timeout=0.3)
        assert time.monotonic() - began < 5


def test_something_else_that_listens(socket_path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(socket_path))
        bound.listen()
        done = threading.Event()

        def serve():
            bound.settimeout(0.05)
            while not done.is_set():
                try:
                    peer, _ = bound.accept()
                except TimeoutError:
                    continue
                with peer, contextlib.suppress(OSError):
                    peer.sendall(b"SSH-2.0-what\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with pytest.raises(DockerUnavailable, match=r"d.sock \(DOCKER_HOST\): "):
                find(named(socket_path), timeout=2)
        finally:
            done.set()
            thread.join()


# The real one


def test_the_real_one():
    require_docker()
    found = find()
    try:
        assert found.info["OSType"] == "linux"
        assert Path(found.place.socket).is_socket()
        assert found.client.ping()
    finally:
        found.client.close()
