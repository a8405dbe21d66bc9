"""What the runs inside these tests have in common."""

from __future__ import annotations

import os

import pytest

import pytest_netchaos.marking.user_profiles
import pytest_netchaos.network  # noqa: F401 - a run inside forgets what it was the first to import, see below

#: Plugins that the runs inside these tests have no use for, and would spend most of their time importing.
UNUSED = (
    "anyio", "asyncio", "cov", "html", "hypothesispytest", "metadata", "randomly", "rerunfailures", "trio", "valkey",
)  # fmt: skip


# After each run in this process pytester takes away the modules that it imported. What has names from one of them, as
# the package has that imports lazily, would then know another class Delay than the next run's.


@pytest.fixture(autouse=True)
def _light(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")  # it deletes the variable, so it goes first
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-pno:{name}" for name in UNUSED))
    for variable in [name for name in os.environ if name.startswith(("NETCHAOS_", "GITHUB_"))]:
        monkeypatch.delenv(variable, raising=False)
