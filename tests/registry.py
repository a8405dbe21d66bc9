"""A registry of images for tests: it serves what they make, over HTTP on the loopback, and fails as it is told to.

A Docker daemon lets registries in 127.0.0.0/8 do without TLS. Images are removed from the daemon when a `Registry` is
closed: their names are its own, so that nobody else's can be among them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import io
import json
import os
import select
import socket
import tarfile
import threading
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
#: What an image has to say of itself in `marked`.
MARKER = "netchaos-marker"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _tar(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return data.getvalue()


@dataclasses.dataclass(frozen=True)
class Image:
    """What an image consists of: layers as tar files, and its config without them."""

    layers: tuple[bytes, ...]
    config: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        return self.config["architecture"]


def marked(architecture: str, size: int = 200_000, below: Image | None = None) -> Image:
    """An image that no daemon has seen before: with a layer of noise, for a daemon never loads the same one twice.

    Args:
        architecture: As images have it.
        size: Of the last layer, which can't be compressed.
        below: What it is made from; nothing that could run by default.
    """
    layer = _tar({MARKER: os.urandom(size)})
    config = {**(below.config if below else {"os": "linux", "config": {}}), "architecture": architecture}
    return Image((*(below.layers if below else ()), layer), config)


def saved(client: Any, name: str) -> Image:
    """An image that the daemon has, as ``docker save`` gives it."""
    data = io.BytesIO(b"".join(client.images.get(name).save()))
    with tarfile.open(fileobj=data) as tar:

        def read(path: str) -> bytes:
            return tar.extractfile(path).read()

        manifest = json.loads(read("manifest.json"))[0]
        config = json.loads(read(manifest["Config"]))
        return Image(tuple(read(path) for path in manifest["Layers"]), config)


class Gate:
    """A transfer that stops in the middle: until somebody opens it, or for good."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        #: Set when the half is on its way.
        self.reached = threading.Event()
        #: Set when whoever waits for the rest has gone.
        self.left = threading.Event()

    def open(self) -> None:
        """Let the rest through. Twice is once."""
        self._writer.close()

    def close(self) -> None:
        """Open it, once nobody waits any more."""
        self.open()
        self._reader.close()

    def wait(self, peer: socket.socket) -> bool:
        """Wait until it is open, or nobody is there any more. Whether there is any use in going on."""
        self.reached.set()
        # Who waits for a reply says nothing: what can be read is the end.
        readable = select.select([peer, self._reader], [], [])[0]
        if peer in readable:
            self.left.set()
        return peer not in readable


class Drops:
    """Transfers of which the first so many are cut off in the middle."""

    def __init__(self, times: int) -> None:
        self.left = times

    def wait(self, _peer: socket.socket) -> bool:
        """Whether this one goes on."""
        self.left -= 1
        return self.left < 0


class Registry:
    """Serves images, read only. A context manager.

    Args:
        client: The daemon's, from which the images are removed at the end.
        challenge: What it refuses everybody with: ``'Basic realm="x"'``. Empty, and everybody is let in.
    """

    def __init__(self, client: Any, challenge: str = "") -> None:
        self._client = client
        self._challenge = challenge
        self._space = f"netchaos-{uuid.uuid4().hex[:10]}"
        self._lock = threading.Lock()
        self._served: dict[str, tuple[str, bytes]] = {}
        self._midway: dict[str, Gate | Drops] = {}
        self._refused: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self._gates: list[Gate] = []
        #: ``"GET manifests redis"``, ``"GET config redis"``, ``"GET layer redis"``.
        self.requests: list[str] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.clean()
        finally:
            self.close()

    @property
    def _prefix(self) -> str:
        return f"{self.address}/{self._space}/"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def name(self, of: str) -> str:
        """What the daemon calls an image here."""
        return f"{self._prefix}{of}:1"

    def push(self, image: Image, of: str, midway: Gate | Drops | None = None, *, listed: bool = False) -> str:
        """Have an image served; return its name.

        Args:
            image: What it is.
            of: Its name, without what all names here begin with.
            midway: What happens in the middle of its last layer.
            listed: Whether it is the only one in a list for several architectures.
        """
        layers = [gzip.compress(layer, 1, mtime=0) for layer in image.layers]
        history = {"rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in image.layers]}, "history": []}
        config = _json({**image.config, **history})
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
                "layers": [{"mediaType": LAYER, "size": len(layer), "digest": digest(layer)} for layer in layers],
            }
        )
        self._serve(of, "blobs", digest(config), CONFIG, config)
        for layer in layers:
            self._serve(of, "blobs", digest(layer), LAYER, layer)
        self._serve(of, "manifests", digest(manifest), MANIFEST, manifest)
        if listed:
            platform = {"os": "linux", "architecture": image.architecture}
            entry = {"mediaType": MANIFEST, "size": len(manifest), "digest": digest(manifest), "platform": platform}
            every = _json({"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": [entry]})
            self._serve(of, "manifests", digest(every), MANIFEST_LIST, every)
            self._serve(of, "manifests", "1", MANIFEST_LIST, every)
        else:
            self._serve(of, "manifests", "1", MANIFEST, manifest)
        if midway is not None:
            self._midway[self._path(of, "blobs", digest(layers[-1]))] = midway
        if isinstance(midway, Gate):
            self._gates.append(midway)
        return self.name(of)

    def by_digest(self, of: str) -> str:
        """What the daemon calls an image that was pushed, by its contents."""
        _, manifest = self._served[self._path(of, "manifests", "1")]
        return f"{self._prefix}{of}@{digest(manifest)}"

    def refuse(self, of: str, status: int, code: str, headers: Mapping[str, str] | None = None) -> str:
        """Answer whoever asks for an image's manifest with an error; return its name."""
        body = _json({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]})
        self._refused[self._path(of, "manifests", "1")] = (status, dict(headers or {}), body)
        return self.name(of)

    def count(self, request: str) -> int:
        """How often that was asked for: ``"GET layer redis"``."""
        with self._lock:
            return self.requests.count(request)

    def stored(self) -> list[str]:
        """The names of the images that the daemon has from here; by digest, where they have no other."""
        every = [name for image in self._client.api.images() for name in image["RepoTags"] or image["RepoDigests"]]
        return [name for name in every if name.startswith(self._prefix)]

    def containers(self) -> list[str]:
        """The ids of the containers that were made of them."""
        return [one["Id"] for one in self._client.api.containers(all=True) if one["Image"].startswith(self._prefix)]

    def clean(self) -> None:
        """Remove the images, and what a test that failed has left running of them."""
        from docker.errors import NotFound

        for container in self.containers():
            with contextlib.suppress(NotFound):  # its own session was quicker
                self._client.api.remove_container(container, force=True, v=True)
        for name in self.stored():
            self._client.api.remove_image(name, force=True)
        assert self.stored() == []

    def close(self) -> None:
        """Stop serving: who dials is refused."""
        for gate in self._gates:
            gate.open()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for all requests
        for gate in self._gates:
            gate.close()

    def _path(self, of: str, kind: str, reference: str) -> str:
        return f"/v2/{self._space}/{of}/{kind}/{reference}"

    def _serve(self, of: str, kind: str, reference: str, media_type: str, data: bytes) -> None:
        self._served[self._path(of, kind, reference)] = (media_type, data)

    def answer(self, request: _Request) -> None:
        """Answer one request."""
        path = request.path
        if self._challenge or path.startswith("/token"):
            body = _json({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
            return request.reply(401, body, {"WWW-Authenticate": self._challenge.format(self.address)})
        if path == "/v2/":
            return request.reply(200, b"{}")
        _, _, _, of, kind, _ = path.split("/")
        media_type, data = self._served.get(path, ("", b""))
        what = {LAYER: "layer", CONFIG: "config"}.get(media_type, kind)
        with self._lock:
            self.requests.append(f"{request.command} {what} {of}")
        if path in self._refused:
            status, headers, body = self._refused[path]
            return request.reply(status, body, headers)
        if not media_type:
            unknown = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
            return request.reply(404, _json({"errors": [{"code": unknown, "message": unknown}]}))
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest(data)}
        return request.reply(200, data, headers, self._midway.get(path))


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        super().__init__(("127.0.0.1", 0), _Request)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self.server.registry.answer(self)

    do_HEAD = do_GET  # noqa: N815 - http.server's name for it

    def reply(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, midway: Gate | Drops | None = None
    ) -> None:
        self.close_connection = True  # no thread waits for another request
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if first else status)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
            body = body[first:]
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        half = len(body) // 2 if midway else len(body)
        try:
            self.wfile.write(body[:half])
            if midway and midway.wait(self.connection):
                self.wfile.write(body[half:])
        except ConnectionError:
            if isinstance(midway, Gate):
                midway.left.set()

    def log_message(self, *_: object) -> None:
        """Quietly."""
