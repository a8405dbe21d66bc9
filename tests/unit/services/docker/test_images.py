from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import socket
import tarfile
import threading
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.docker import session

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.services.docker import images
from pytest_netchaos.services.docker.daemon import Daemon, Place
from pytest_netchaos.services.docker.images import Progress, ensure, normalised

errors = pytest.importorskip("docker.errors")
requests = pytest.importorskip("requests")
urllib3 = pytest.importorskip("urllib3")


class FakeDaemon:
    """A store, and a registry whose pulls go as they are told to."""

    def __init__(self, monkeypatch, *, store=(), events=(), architecture="x86_64", has="amd64"):
        self.pulled = []
        self.store = set(store)
        self.events = events
        self.has = has
        self.closed = False
        self.info = {"Architecture": architecture}
        self.client = SimpleNamespace(api=self)
        monkeypatch.setattr(images, "puller", lambda _daemon, _silence: self)

    def inspect_image(self, image):
        if image not in self.store:
            raise errors.ImageNotFound("404", explanation=f"No such image: {image}")
        return {"Architecture": self.has}

    def pull(self, repository, tag, stream, decode):
        assert stream
        assert decode
        self.pulled.append((repository, tag))
        if isinstance(self.events, BaseException):
            raise self.events
        yield from self.events
        self.store |= {repository, f"{repository}:{tag}"}

    def remove_image(self, image):
        self.store.remove(image)

    def close(self):
        self.closed = True


def layer(status, current=0, total=0, name="a"):
    return {"status": status, "id": name, "progressDetail": {"current": current, "total": total} if total else {}}


GOOD = [
    {"status": "Pulling from library/redis", "id": "7"},
    layer("Pulling fs layer"),
    layer("Downloading", 1_000_000, 4_000_000),
    layer("Downloading", 4_000_000, 4_000_000),
    layer("Download complete"),
    layer("Extracting", 4_000_000, 4_000_000),
    layer("Pull complete"),
    {"status": "Digest: sha256:0"},
    {"status": "Status: Downloaded newer image for redis:7"},
]


def test_an_image_that_is_there_is_not_pulled(monkeypatch):
    said = []
    daemon = FakeDaemon(monkeypatch, store=["redis:7"])
    ensure(daemon, "redis:7", report=said.append)
    assert daemon.pulled == []
    assert said == []


@pytest.mark.parametrize(
    ("image", "repository", "tag"),
    [
        ("redis:7", "redis", "7"),
        ("redis", "redis", "latest"),
        ("here:5000/a/redis", "here:5000/a/redis", "latest"),
        ("here:5000/a/redis:7", "here:5000/a/redis", "7"),
        ("redis@sha256:12", "redis", "sha256:12"),
    ],
)
def test_what_is_pulled(monkeypatch, image, repository, tag):
    daemon = FakeDaemon(monkeypatch, events=GOOD)
    daemon.store.clear()
    monkeypatch.setattr(daemon, "inspect_image", _inspect_once_pulled(daemon))
    ensure(daemon, image, report=lambda _: None)
    assert daemon.pulled == [(repository, tag)]
    assert daemon.closed


def _inspect_once_pulled(daemon):
    def inspect(_image):
        if not daemon.pulled:
            raise errors.ImageNotFound("404")
        return {"Architecture": "amd64"}

    return inspect


def test_progress_is_reported_with_numbers(monkeypatch):
    said = []
    monkeypatch.setattr(images, "_REPORT_EVERY", 0)
    ensure(FakeDaemon(monkeypatch, events=GOOD), "redis:7", report=said.append)
    assert said[0] == "pulling redis:7 …"
    assert any(line.startswith("pulling redis:7: 1.0 of 4.0 MB, ") and line.endswith(" MB/s") for line in said)
    assert said[-1].startswith("pulled redis:7: 4.0 MB in ")


def test_reports_are_few(monkeypatch):
    said = []
    many = [layer("Downloading", n, 100_000) for n in range(100_000)]
    ensure(FakeDaemon(monkeypatch, events=many), "redis:7", report=said.append)
    assert len(said) < 20


def test_a_pull_that_stalls_while_the_daemon_talks_on(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(images.time, "monotonic", lambda: float(next(clock)))
    retrying = (layer(f"Retrying in {n % 5 + 1} seconds") for n in itertools.count())
    daemon = FakeDaemon(monkeypatch, events=retrying)
    with pytest.raises(ServiceError, match=r"image redis:7 was given up: no progress for 30 s\. `docker pull redis:7`"):
        ensure(daemon, "redis:7", report=lambda _: None, stalled=30)
    assert daemon.closed


def test_a_pull_that_goes_on_takes_as_long_as_it_needs(monkeypatch):
    clock = itertools.count(step=20)
    monkeypatch.setattr(images.time, "monotonic", lambda: float(next(clock)))
    slow = [layer("Downloading", n, 1000) for n in range(1000)]
    ensure(FakeDaemon(monkeypatch, events=slow), "redis:7", report=lambda _: None, stalled=60)


def test_a_retry_is_told(monkeypatch):
    progress = Progress("x", 0.0)
    progress.add(layer("Downloading", 1_000_000, 2_000_000), 1.0)
    progress.add(layer("Retrying in 5 seconds"), 2.0)
    assert progress.line(2.0) == "pulling x: 1.0 of 2.0 MB, 0.5 MB/s, retrying in 5 seconds"
    progress.add(layer("Downloading", 1_000_000, 2_000_000), 4.0)
    assert progress.line(4.0) == "pulling x: 1.0 of 2.0 MB, 0.2 MB/s"


def test_a_daemon_that_ends_in_mid_pull(monkeypatch):
    """urllib3 says so itself: ``requests`` isn't asked any more."""
    broken = urllib3.exceptions.ProtocolError("Connection broken: IncompleteRead(0 bytes read)")
    with pytest.raises(ServiceError, match=r"can't have the image redis:7: .*Connection broken"):
        ensure(FakeDaemon(monkeypatch, events=broken), "redis:7", report=lambda _: None)


def test_a_daemon_that_falls_silent(monkeypatch):
    silence = requests.exceptions.ConnectionError("HTTPConnectionPool: Read timed out.")
    with pytest.raises(ServiceError, match="given up: no progress for 60 s"):
        ensure(FakeDaemon(monkeypatch, events=silence), "redis:7", report=lambda _: None)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("pull access denied for redis, repository does not exist or may require 'docker login'", "check the spelling"),
        ("manifest for redis:7 not found: manifest unknown: manifest unknown", "check spelling and tag"),
        ("unauthorized: authentication required", "docker login"),
        ("toomanyrequests: You have reached your pull rate limit.", "limits how often you may pull"),
        ('Get "https://registry/v2/": dial tcp: lookup registry: no such host', "can't reach the registry"),
        ("Get https://registry/v2/: net/http: TLS handshake timeout", "can't reach the registry"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "for other architectures only"),
        ("invalid reference format", "no name of an image"),
        ("no such image: redis:7:8: invalid reference format", "no name of an image"),
        ("invalid reference format: repository name (UPPER/Case) must be lowercase", "no name of an image: lower case"),
        ("something new", ""),
    ],
)
@pytest.mark.parametrize("in_stream", [True, False])
def test_what_registries_refuse(monkeypatch, said, advice, in_stream):
    events = (
        [{"errorDetail": {"message": said}, "error": said}] if in_stream else errors.APIError("500", explanation=said)
    )
    daemon = FakeDaemon(monkeypatch, events=events)
    with pytest.raises(ServiceError) as caught:
        ensure(daemon, "redis:7", report=lambda _: None)
    assert str(caught.value).startswith(f"can't have the image redis:7: {said}")
    assert advice in str(caught.value)
    assert daemon.closed


@pytest.mark.parametrize(
    ("machine", "image", "runs"),
    [
        ("x86_64", "amd64", True),
        ("x86_64", "386", True),
        ("x86_64", "arm64", False),
        ("aarch64", "arm64", True),
        ("aarch64", "arm", True),
        ("aarch64", "amd64", False),
        ("arm64", "aarch64", True),
        ("ppc64le", "ppc64le", True),
        ("x86_64", "", True),
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_architectures(monkeypatch, machine, image, runs, is_there):
    daemon = FakeDaemon(
        monkeypatch, store=["redis:7"] if is_there else [], events=GOOD, architecture=machine, has=image
    )
    if runs:
        ensure(daemon, "redis:7", report=lambda _: None)
        return
    with pytest.raises(ServiceError) as caught:
        ensure(daemon, "redis:7", report=lambda _: None)
    said = str(caught.value)
    assert f"the image redis:7 is for {image}, but the Docker daemon's machine is {normalised(machine)}" in said
    assert ("`docker pull --platform" in said) is is_there  # the registry's own choice, or somebody else's
    assert ("redis:7" in daemon.store) is is_there


STATUS = st.sampled_from(["Downloading", "Pull complete", "Waiting", "Retrying"])


@given(st.lists(st.tuples(st.sampled_from("ab"), STATUS, st.integers(0, 100), st.integers(0, 100))))
def test_any_events_make_a_line(events):
    progress = Progress("x", 0.0)
    for now, (name, status, current, total) in enumerate(events, 1):
        progress.add(layer(status, current, total, name), float(now))
        assert progress.moved <= now
    assert progress.line(1.0).startswith("pulling x: ")
    assert progress.megabytes >= 0


def reply(peer, body, more=b""):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + more + b"\r\n" + body)


def silent_daemon(server, done):
    """Says its version, begins a pull, and then says no more."""
    version = json.dumps({"ApiVersion": "1.41"}).encode()
    event = b'{"status":"Pulling from library/redis","id":"7"}\r\n'
    with contextlib.suppress(OSError):
        while True:
            peer, _ = server.accept()
            with peer:
                while asked := peer.recv(65536):
                    if asked.startswith(b"POST"):
                        reply(peer, b"%x\r\n%b\r\n" % (len(event), event), b"Transfer-Encoding: chunked\r\n")
                        done.wait(60)
                        return
                    reply(peer, version, b"Content-Length: %d\r\n" % len(version))


def test_a_real_client_notices_the_silence(tmp_path):
    """Only the socket's time-out tells."""
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "d.sock"))
        server.listen()
        thread = threading.Thread(target=silent_daemon, args=(server, done), daemon=True)
        thread.start()
        place = Place(f"unix://{tmp_path}/d.sock", "a test")
        store = SimpleNamespace(inspect_image=lambda _: (_ for _ in ()).throw(errors.ImageNotFound("404")))
        began = time.monotonic()
        with pytest.raises(ServiceError, match=r"given up: no progress for 0.3 s"):
            ensure(Daemon(place, SimpleNamespace(api=store), {}), "redis:7", report=lambda _: None, stalled=0.3)
        assert 0.3 <= time.monotonic() - began < 30
        done.set()
        thread.join(5)


def test_an_image_that_the_real_daemon_can_not_have():
    with session() as docker, pytest.raises(ServiceError, match=r"can't have the image no/such-image:1"):
        docker.run("no/such-image:1")


@pytest.mark.parametrize("name", ["UPPER/Case", "redis:7:8"])
def test_what_the_real_daemon_takes_for_no_name(name):
    with (
        session() as docker,
        pytest.raises(ServiceError, match=r"(?s)can't have the image .*that is no name of an image"),
    ):
        docker.run(name)


@pytest.mark.parametrize("name", ["", " "])
def test_nothing_is_no_name(monkeypatch, name):
    daemon = FakeDaemon(monkeypatch)
    with pytest.raises(ServiceError, match=f"^'{name}' is no name of an image$"):
        ensure(daemon, name, report=print)
    assert daemon.pulled == []


def empty_image(name, architecture):
    """As ``docker save`` would write it."""
    nothing = b"\0" * 1024
    config = {
        "architecture": architecture,
        "os": "linux",
        "config": {"Cmd": ["/nothing"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(nothing).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in (
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
            ("layer.tar", nothing),
        ):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return data.getvalue()


def test_an_image_for_another_architecture():
    with session() as docker:
        mine = normalised(docker._daemon.info["Architecture"])
        other = "arm64" if mine == "amd64" else "amd64"
        name = f"netchaos-test:{docker.owner.run}"
        docker.client.images.load(empty_image(name, other))
        try:
            with pytest.raises(ServiceError, match=f"{name} is for {other}, but the Docker daemon's machine is {mine}"):
                docker.run(name)
        finally:
            docker.client.images.remove(name)
