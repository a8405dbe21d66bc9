"""The type hints of the recorders, as mypy sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(300)
def test_the_type_hints_are_those_that_a_test_needs(pytestconfig):
    pytest.importorskip("mypy")
    # Each `type: ignore` in it marks a mistake: without the mistake, mypy says that it isn't needed.
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", Path(__file__).with_name("typed.py")],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
