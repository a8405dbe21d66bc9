from __future__ import annotations

import pytest

from pytest_netchaos.plans.similar import did_you_mean


@pytest.mark.parametrize(
    ("name", "names", "said"),
    [
        ("reddis", ["db", "redis"], ": did you mean 'redis'?"),
        ("cache", ["db", "redis"], ": there are 'db', 'redis'"),
        ("db", [], ": there is none"),
    ],
)
def test_the_closest_name_is_told_or_all_of_them(name, names, said):
    assert did_you_mean(name, names) == said
