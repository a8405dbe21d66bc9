"""What to do with a test that needs Docker where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pytest

from ..errors import DockerUnavailable

if TYPE_CHECKING:
    from ..options import Settings

T = TypeVar("T")


def or_skip(settings: Settings, make: Callable[[], T], *policies: str) -> T:
    """Make something that may need Docker; without it, skip the test where the options say so.

    Args:
        settings: The options of the run.
        make: Makes it.
        policies: Those of ``--netchaos-docker`` that skip here, beside ``skip``.
    """
    try:
        return make()
    except DockerUnavailable as error:
        if settings.docker in ("skip", *policies):
            pytest.skip(str(error))
        raise
