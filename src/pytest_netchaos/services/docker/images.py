"""Have an image: from the daemon's store, else from its registry, while somebody is told how far it is."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from ...errors import ServiceError, hide_own_errors
from .trouble import explain, is_timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .daemon import Daemon

__tracebackhide__ = hide_own_errors

#: Seconds without any progress after which a pull is given up. One that goes on may take as long as it needs.
STALLED = 60.0
#: Seconds between two reports.
_REPORT_EVERY = 0.5
_MEGABYTE = 1e6

#: The names that kernels and daemons have for what images call otherwise.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386", "armv7l": "arm", "armv6l": "arm"}
#: What else a machine's kernel runs.
_ALSO_RUNS = {"amd64": {"386"}, "arm64": {"arm"}}

#: What registries say, in part, and what to do then.
_ADVICE = (
    (
        ("invalid reference format", "repository name must be lowercase"),
        "that is no name of an image: lower case, as in registry:5000/name:tag",
    ),
    (
        ("toomanyrequests", "rate limit"),
        "the registry limits how often you may pull: `docker login`, or name a mirror's image",
    ),
    (
        ("no matching manifest", "does not match the specified platform"),
        "the registry has it for other architectures only: name another image",
    ),
    (
        ("unauthorized", "authentication required", "denied", "no basic auth credentials"),
        "it does not exist, or you may not have it: check the spelling, and `docker login` if it is private",
    ),
    (("manifest unknown", "not found", "no such image"), "the registry has none by that name: check spelling and tag"),
    (
        ("no such host", "dial tcp", "timeout", "deadline exceeded", "connection refused", "unreachable", "handshake"),
        (
            "the daemon can't reach the registry. Without a network, `docker load` puts an image there beforehand; "
            "behind a proxy, it is the daemon that needs the setting"
        ),
    ),
)


def ensure(
    daemon: Daemon,
    image: str,
    *,
    report: Callable[[str], None],
    stalled: float = STALLED,
) -> None:
    """Make sure that the daemon has an image that it can run; pull it only if it isn't there.

    Args:
        daemon: The daemon.
        image: Its name: ``"redis:7"``. Without a tag it is ``latest``.
        report: Told how far a pull is, some two lines a second.
        stalled: Seconds without progress after which a pull is given up.

    Raises:
        ServiceError: There is no such image, it can't be pulled, or it is for another architecture.
    """
    from docker.errors import DockerException, ImageNotFound  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    if not image.strip():
        raise ServiceError(f"{image!r} is no name of an image")
    api = daemon.client.api
    pulled = False
    try:
        try:
            found = api.inspect_image(image)
        except ImageNotFound:
            _pull(daemon, image, report, stalled)
            pulled = True
            found = api.inspect_image(image)
    except (DockerException, RequestException, HTTPError) as error:
        raise _failure(image, explain(error)) from None
    mine, needed = normalised(daemon.info.get("Architecture") or ""), normalised(found.get("Architecture") or "")
    if not _runs(mine, needed):
        if pulled:
            with contextlib.suppress(DockerException, RequestException):  # somebody uses it, or has removed it
                api.remove_image(image)
        raise _foreign(image, mine, needed, pulled=pulled)


def _runs(mine: str, needed: str) -> bool:
    """Whether a machine runs programs for an architecture; where either isn't known, it may."""
    return not mine or not needed or needed == mine or needed in _ALSO_RUNS.get(mine, ())


def _foreign(image: str, mine: str, needed: str, *, pulled: bool) -> ServiceError:
    """An error for an image whose program would only say "exec format error"."""
    other = "" if pulled else f"`docker pull --platform linux/{mine} {image}`, or "
    why = "the registry has it for no other: " if pulled else ""
    return ServiceError(
        f"the image {image} is for {needed}, but the Docker daemon's machine is {mine}: {why}{other}name another image"
    )


def normalised(architecture: str) -> str:
    """An architecture as images have it: ``amd64``, ``arm64`` …."""
    name = architecture.lower().replace("-", "_")
    return _ARCHITECTURES.get(name, name)


def _pull(daemon: Daemon, image: str, report: Callable[[str], None], stalled: float) -> None:
    """Errors of Docker's own are left to the caller."""
    from docker.utils import parse_repository_tag  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    repository, tag = parse_repository_tag(image)
    report(f"pulling {image} …")
    api = puller(daemon, stalled)
    try:
        events = api.pull(repository, tag=tag or "latest", stream=True, decode=True)
        _follow(image, events, report, stalled)
    except (OSError, HTTPError) as error:  # those of requests are OSErrors; in mid-stream, urllib3's own come through
        if is_timeout(error):
            raise _stalled(image, stalled) from None
        raise
    finally:
        api.close()  # the daemon gives up a pull that nobody listens to


def puller(daemon: Daemon, silence: float) -> Any:  # noqa: ANN401 - an APIClient: it has no types
    """A client that gives up when the daemon says nothing for that many seconds, which ``pull`` itself never does."""
    from docker import APIClient  # noqa: PLC0415

    class Impatient(APIClient):  # type: ignore[misc]
        """``requests`` sends each request through here."""

        latest: Any = None

        def send(self, request: Any, **options: Any) -> Any:  # noqa: ANN401
            """As in ``requests.Session``."""
            self.latest = super().send(request, **{**options, "timeout": silence})
            return self.latest

        def close(self) -> None:
            """Close the connection of a reply that isn't read to its end too: a session leaves it open."""
            if self.latest is not None:
                self.latest.close()
            super().close()

    return Impatient(**daemon.place.arguments)


def _follow(image: str, events: Iterable[Mapping[str, Any]], report: Callable[[str], None], stalled: float) -> None:
    """Read the events of a pull to its end."""
    from docker.errors import DockerException  # noqa: PLC0415

    progress = Progress(image, time.monotonic())
    said = 0.0
    for event in events:
        if "error" in event:
            raise DockerException(event["error"])
        now = time.monotonic()
        progress.add(event, now)
        if now - progress.moved > stalled:
            raise _stalled(image, stalled)
        if now - said >= _REPORT_EVERY and progress.has_numbers:
            said = now
            report(progress.line(now))
    report(f"pulled {image}: {progress.megabytes:.1f} MB in {time.monotonic() - progress.started:.1f} s")


class Progress:
    """How far a pull is, from the daemon's events.

    Args:
        image: Its name.
        now: When it began, on ``time.monotonic()``.
    """

    def __init__(self, image: str, now: float) -> None:
        self.image = image
        self.started = now
        #: When there was progress last: more bytes, or a layer in another phase.
        self.moved = now
        self._phases: dict[str, tuple[str, float]] = {}
        self._loaded: dict[str, tuple[float, float]] = {}
        self._retrying = ""

    def add(self, event: Mapping[str, Any], now: float) -> None:
        """Take in an event. "Retrying in 5 seconds" is none of progress."""
        layer, status = str(event.get("id", "")), str(event.get("status", ""))
        detail = event.get("progressDetail") or {}
        done, total = float(detail.get("current") or 0), float(detail.get("total") or 0)
        if status == "Downloading":
            self._loaded[layer] = (done, total)
        elif status in {"Download complete", "Pull complete"} and layer in self._loaded:
            self._loaded[layer] = (self._loaded[layer][1],) * 2
        if not status.startswith("Retrying") and self._phases.get(layer) != (status, done):
            self._phases[layer] = (status, done)
            self.moved = now
        self._retrying = f", {status.lower()}" if status.startswith("Retrying") else ""

    @property
    def has_numbers(self) -> bool:
        """Whether anything is being loaded yet."""
        return bool(self._loaded)

    @property
    def megabytes(self) -> float:
        """How much has been loaded."""
        return sum(done for done, _ in self._loaded.values()) / _MEGABYTE

    def line(self, now: float) -> str:
        """For a person: ``"pulling redis:7: 12.3 of 40.1 MB, 5.6 MB/s"``."""
        total = sum(max(loaded) for loaded in self._loaded.values()) / _MEGABYTE
        rate = self.megabytes / max(now - self.started, 1e-3)
        return f"pulling {self.image}: {self.megabytes:.1f} of {total:.1f} MB, {rate:.1f} MB/s{self._retrying}"


def _stalled(image: str, seconds: float) -> ServiceError:
    return ServiceError(
        f"the pull of the image {image} was given up: no progress for {seconds:g} s. "
        f"`docker pull {image}` shows whether the registry can be reached"
    )


def _failure(image: str, why: str) -> ServiceError:
    text = why.lower()
    for words, advice in _ADVICE:
        if any(word in text for word in words):
            return ServiceError(f"can't have the image {image}: {why}\n  {advice}")
    return ServiceError(f"can't have the image {image}: {why}")


def basename(image: str) -> str:
    """``"redis"``, of ``"ghcr.io/somebody/redis:7"``."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]
