"""What is said to a test that can't do what it was written for."""

from __future__ import annotations

import pytest


class NetchaosWarning(pytest.PytestWarning):
    """A test is under bad network conditions that it can't notice."""
