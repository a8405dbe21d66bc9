"""What some tests need beside Python: without it they are skipped, or fail where ``NETCHAOS_DOCKER=require``."""

from __future__ import annotations

import os
import shutil

import pytest

from pytest_netchaos.session.choices import TOXIPROXY_PROGRAM


def toxiproxy() -> str:
    """The path of a Toxiproxy."""
    found = shutil.which(TOXIPROXY_PROGRAM)
    if found is None:
        why = f"there is no {TOXIPROXY_PROGRAM} on the PATH"
        if os.environ.get("NETCHAOS_DOCKER") == "require":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    return found
