"""Where a run's profiles come from; a run that asks for none doesn't pay for them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..faults import Fault
    from ..profiles import Profiles


class ProfileSource:
    """The profiles of a run.

    Args:
        config: Of the run.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._path = config.rootpath / "pyproject.toml"
        self._faults: dict[str, tuple[Fault, ...]] = {}

    @cached_property
    def all(self) -> Profiles:
        """Every profile: ours, those of plugins, and the project's.

        Raises:
            pytest.UsageError: one of the plugins' or the project's is wrong; says which, and what of it.
        """
        from ..profiles import Profiles  # noqa: PLC0415 - 10 ms that only a run with profiles has to pay

        profiles = Profiles()
        self._add_plugged(profiles)
        if self._text:
            from .user_profiles import profiles_in  # noqa: PLC0415 - only where there are some

            try:
                for profile in profiles_in(self._text):
                    profiles.add(profile, "pyproject.toml")
            except ValueError as error:
                raise pytest.UsageError(f"{self._path}: {error}") from None
        return profiles

    def _add_plugged(self, profiles: Profiles) -> None:
        try:
            for given in reversed(self._config.hook.pytest_netchaos_profiles()):  # in the order of the plugins
                for profile in given:
                    profiles.add(profile, "a plugin")
        except (TypeError, ValueError) as error:
            raise pytest.UsageError(f"pytest_netchaos_profiles: {error}") from None

    def check(self) -> None:
        """Read the project's profiles, if there are any.

        Raises:
            pytest.UsageError: one of them is wrong.
        """
        if self._text:
            _ = self.all

    def faults(self, name: str) -> tuple[Fault, ...]:
        """Return the faults of the profile of this name.

        Raises:
            ValueError: there is none; with the closest names.
        """
        found = self._faults.get(name)
        if found is None:
            found = self._faults[name] = self.all.get(name).faults
        return found

    @cached_property
    def _text(self) -> str:
        """The project's file, if it can have profiles: most have none, and reading TOML takes milliseconds."""
        try:
            text = self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return ""
        return text if "netchaos" in text and ("profiles" in text or "[tool.netchaos" in text) else ""
