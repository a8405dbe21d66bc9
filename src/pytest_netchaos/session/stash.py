"""Where hooks keep what others of them need. Light: pytest loads it in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..network import Network
    from ..options import Settings

#: Of the config: the options of the run.
SETTINGS: pytest.StashKey[Settings] = pytest.StashKey()
#: Of a test: its network, where it has used one.
NETWORK: pytest.StashKey[Network] = pytest.StashKey()
