from __future__ import annotations

import re

import pytest

from pytest_netchaos.faults import Cut, Delay, Flap, IdleTimeout, Throttle
from pytest_netchaos.loss import Loss
from pytest_netchaos.marking.user_profiles import profiles_in


def one(table):
    (profile,) = profiles_in(f"[tool.netchaos.profiles.mine]\n{table}")
    return profile


def test_everything_that_a_profile_can_have():
    profile = one(
        "latency = 0.08\njitter = 0.02\ndown = 250_000\nup = 6e4\nflap = { down = [0.1, 0.5], up = 5 }\n"
        'idle_timeout = 60\nsource = "May"'
    )
    assert (profile.name, profile.source, profile.own) == ("mine", "May", False)
    assert profile.faults == (
        Delay(0.08, 0.02),
        Throttle(250_000, direction="downstream"),
        Throttle(60_000, direction="upstream"),
        Flap(down=(0.1, 0.5), up=5, fault=Cut()),
        IdleTimeout(60),
    )


def test_loss_is_stalls_and_rates():
    assert one("latency = 0.1\nloss = 0.02\nmean_burst = 4").faults == (Delay(0.1), *Loss(0.02, 4).faults(0.2))
    assert one("latency = 0.1\nloss = 0.02\ndown = 100").faults[1] == Throttle(100, direction="downstream")


def test_a_file_without_profiles_has_none():
    assert not list(profiles_in("[project]\nname = 'x'"))
    assert not list(profiles_in("[tool.netchaos]\n"))


def test_profiles_come_in_the_order_of_the_file():
    text = "[tool.netchaos.profiles]\nb = { latency = 1 }\na = { latency = 2 }"
    assert [profile.name for profile in profiles_in(text)] == ["b", "a"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("latency_ms = 80", " has no key 'latency_ms': latency is in seconds"),
        ("latncy = 0.08", " has no key 'latncy': did you mean 'latency'?"),
        (
            "zzz = 1",
            " has no key 'zzz': it takes latency, jitter, down, up, loss, mean_burst, flap, idle_timeout, source",
        ),
        ("latency = '80ms'", ": latency must be a number, not '80ms'"),
        ("latency = true", ": latency must be a number, not True"),
        ("latency = -1", ": latency must be from 0 to 86400, not -1 (seconds; a day at most)"),
        ("latency = nan", ": latency must be from 0 to 86400, not nan (seconds; a day at most)"),
        ("latency = 0.1\njitter = 0.2", ": jitter must not exceed latency (0.1), not 0.2: "),
        ("jitter = 0.2", ": jitter needs a latency that it is a part of"),
        ("down = 0", ": down (bytes per second) must be above 0 and up to 1e+12, not 0"),
        ("up = -5", ": up (bytes per second) must be above 0 and up to 1e+12, not -5"),
        ("loss = 0.1", ": loss needs a latency above 0: what a stream gets through depends on its round trip"),
        ("latency = 0.1\nloss = 2", ": loss must be above 0 and up to 1, not 2"),
        ("latency = 0.1\nloss = 0.1\nmean_burst = 0", ": mean_burst must be from 1 to 1e+06, not 0"),
        ("mean_burst = 4", ": mean_burst needs a loss"),
        ("idle_timeout = 0", ": idle_timeout must be above 0 and up to 86400, not 0 (seconds; a day at most)"),
        ("idle_timeout = '60'", ": idle_timeout must be a number, not '60'"),
        ("flap = 3", ": flap must be a table such as { down = 0.2, up = [1.0, 5.0] }, not 3"),
        ("flap = { down = 1 }", ": flap must be a table such as { down = 0.2, up = [1.0, 5.0] }, not {'down': 1}"),
        ("flap = { down = [1], up = 1 }", ": flap: down must be seconds or a (shortest, longest) pair, not (1,)"),
        ("flap = { down = 'x', up = 1 }", ": flap: down must be a number, not 'x'"),
        ("source = 3", ".source must be a text, not 3"),
        ("", ": profile 'mine' has no fault"),
    ],
)
def test_what_is_wrong_is_said_by_name_and_value(table, said):
    with pytest.raises(ValueError, match="^" + re.escape(f"tool.netchaos.profiles.mine{said}")):
        one(table)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.netchaos]\nprofiles = 3", "tool.netchaos.profiles must be a table with a table for each profile"),
        ("[tool]\nnetchaos = 3", "tool.netchaos.profiles must be a table with a table for each profile"),
        ("[tool.netchaos.profiles]\nmine = 3", "tool.netchaos.profiles.mine must be a table, not 3"),
        ("[tool.netchaos.profiles.'a b']\nlatency = 1", "tool.netchaos.profiles.a b: a profile's name is of letters"),
        ("[tool.netchaos.profiles", "Expected "),
        ("[tool.netchaos.profile.mine]\nlatency = 1", "tool.netchaos has no key 'profile': it takes profiles; options"),
        ("[tool.netchaos]\nseed = 1", "tool.netchaos has no key 'seed': it takes profiles; options are netchaos_…"),
    ],
)
def test_what_is_no_table_is_refused(text, said):
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        list(profiles_in(text))
