from __future__ import annotations

from pytest_netchaos.faults import Delay, Flap, Throttle
from pytest_netchaos.marking.listing import listed
from pytest_netchaos.profiles import Profile, Profiles


def test_a_profile_is_told_in_the_units_of_its_faults_with_its_source():
    profiles = Profiles([Profile("a", (Delay(0.2), Throttle(62_500.0, direction="downstream")), "somebody", "a note")])
    profiles.add(Profile("longer", (Delay(0.01, 0.005), Flap(), Throttle(5))), "pyproject.toml")
    assert list(listed(profiles)) == [
        "a       200 ms each way, 62,500 bytes/s down",
        "        somebody; a note",
        "longer  10 ms ± 5 ms each way, flap(), throttle(rate=5)",
        "        from pyproject.toml",
    ]


def test_every_profile_of_ours_is_listed_with_where_it_is_from():
    lines = list(listed(Profiles()))
    assert [line.split()[0] for line in lines[::2]] == [profile.name for profile in Profiles()]
    assert all(line.strip() for line in lines[1::2])
