"""The engines and the Redis servers that there may be, and why some of them are not here."""

from __future__ import annotations

import os
import shutil

from pytest_netchaos.errors import ServiceError
from pytest_netchaos.options import Settings
from pytest_netchaos.services.binaries import redis_binary
from pytest_netchaos.session import choices
from pytest_netchaos.session.choices import Choice
from pytest_netchaos.session.resources import Resources

ENGINES = ("embedded", "toxiproxy", "docker")
REDISES = ("embedded", "local", "docker")


def resources(*, engine: str = "embedded", redis: str = "embedded") -> Resources:
    """Make what the tests of one process share; nothing is started yet."""
    settings = Settings(0, 5.0, choices.engine(engine), choices.redis(redis))
    return Resources(settings, os.urandom(6).hex(), "main", print)


def missing_engine(name: str) -> str:
    """Say why there is no such engine here; nothing if there is."""
    return _missing(choices.engine(name))


def missing_redis(name: str) -> str:
    """Say why there is no such Redis here; nothing if there is."""
    choice = choices.redis(name)
    if choice == choices.EMBEDDED:
        try:
            redis_binary()
        except ServiceError as error:
            return str(error)
    return _missing(choice)


def _missing(choice: Choice) -> str:
    if choice.kind == "docker":
        return _missing_image(choice.what)
    if choice.what and shutil.which(choice.what) is None:
        return f"there is no {choice.what} on the PATH"
    return ""


def _missing_image(image: str) -> str:
    """Look for a daemon and an image, which is pulled now rather than while somebody measures."""
    from pytest_netchaos.services.docker import daemon, images  # noqa: PLC0415 - 0.2 s, for those who use it

    try:
        found = daemon.find()
        try:
            images.ensure(found, image, report=print)
        finally:
            found.client.close()
    except ServiceError as error:
        return str(error)
    return ""
