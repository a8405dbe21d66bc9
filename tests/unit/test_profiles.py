from __future__ import annotations

import re

import pytest

from pytest_netchaos.faults import Close, Cut, Delay, Fault, Flap, IdleTimeout, Reset, Stall, Throttle
from pytest_netchaos.loss import Loss
from pytest_netchaos.profiles import OWN, SOURCED, Profile, Profiles, line, lossy

#: As the sources have it: kbit/s down and up, and milliseconds there and back.
TABLE = {
    "slow-3g": (500, 500, 400),
    "slow-4g": (1600, 750, 150),
    "fast-4g": (9000, 1500, 60),
    "2g": (280, 256, 800),
    "edge": (240, 200, 840),
    "3g": (1600, 768, 300),
    "3g-fast": (1600, 768, 150),
    "4g": (9000, 9000, 170),
    "lte": (12000, 12000, 70),
    "dsl": (1500, 384, 50),
    "cable": (5000, 1000, 28),
    "fios": (20000, 5000, 4),
    "dial-up": (49, 30, 120),
}
SOURCES = {
    "slow-3g": "DevTools",
    "slow-4g": "DevTools and Lighthouse",
    "fast-4g": "DevTools",
    "geo-satellite": "APNIC, 2022",
} | dict.fromkeys(
    ("2g", "edge", "3g", "3g-fast", "4g", "lte", "dsl", "cable", "fios", "dial-up"), "WebPageTest, connectivity.ini"
)

PROFILES = Profiles()


@pytest.mark.parametrize("name", TABLE)
def test_a_profile_has_the_numbers_of_its_source(name):
    down, up, round_trip = TABLE[name]
    delay, downstream, upstream = PROFILES.get(name).faults
    assert (delay.direction, delay.jitter, delay.latency * 2000) == ("both", 0, pytest.approx(round_trip))
    assert (downstream.direction, downstream.rate * 8 / 1000) == ("downstream", down)
    assert (upstream.direction, upstream.rate * 8 / 1000) == ("upstream", up)


def test_a_geostationary_satellite_has_a_round_trip_and_no_rate():
    profile = PROFILES.get("geo-satellite")
    assert profile.faults == (Delay(0.3),)
    assert "477 ms at least and typically 600" in profile.note


def test_there_is_no_sourced_profile_beside_those():
    assert {profile.name for profile in SOURCED} == {*TABLE, "geo-satellite"}


@pytest.mark.parametrize("name", SOURCES)
def test_a_profile_names_its_source(name):
    profile = PROFILES.get(name)
    assert SOURCES[name] in profile.source
    assert not profile.own


def test_our_own_are_marked_so():
    assert [profile.name for profile in OWN] == [
        "wifi-lossy", "cell-edge", "tunnel", "elevator", "subway", "mobile-handover", "corporate-proxy",
        "rolling-restart",
    ]  # fmt: skip
    assert all(profile.own and profile.source.startswith("our own") and profile.note for profile in OWN)


@pytest.mark.parametrize(
    ("name", "loss", "round_trip"),
    [("wifi-lossy", Loss(0.02, 4), 0.02), ("cell-edge", Loss(0.01, 8), 0.15), ("tunnel", Loss(0.3, 50), 0.15)],
)
def test_loss_is_a_delay_two_rates_and_stalls(name, loss, round_trip):
    delay, down, up, stalls = PROFILES.get(name).faults
    assert delay.latency == round_trip / 2
    assert down.rate == up.rate == pytest.approx(loss.rate(round_trip), abs=1)
    assert isinstance(stalls.fault, Stall)


def test_no_sourced_profile_breaks_a_connection_and_each_own_one_serves_who_comes_back():
    assert {fault.kind for profile in SOURCED for fault in profile.faults} == {"delay", "throttle"}
    assert all(isinstance(fault, Delay | Throttle | Flap | IdleTimeout) for profile in OWN for fault in profile.faults)


def test_each_profile_is_there_once():
    names = [profile.name for profile in PROFILES]
    assert len(names) == len(set(names)) == len(PROFILES) == 22


def test_a_line_has_only_the_faults_that_were_asked_for():
    assert line() == ()
    assert line(0.2, jitter=0.01) == (Delay(0.1, 0.01),)
    assert line(up=10) == (Throttle(10, direction="upstream"),)
    assert lossy(0.2, Loss(0.1))[0] == Delay(0.1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("slow3g", "there is no profile 'slow3g': did you mean 'slow-3g'"),
        ("Slow 3G", "there is no profile 'Slow 3G': did you mean 'slow-3g'"),
        ("fast-3g", "there is no profile 'fast-3g': did you mean 'slow-4g' or "),
        ("tunel", "there is no profile 'tunel': did you mean 'tunnel'?"),
        ("xxxxxxxx", "there is no profile 'xxxxxxxx'"),
        ("", "there is no profile ''"),
    ],
)
def test_an_unknown_name_is_refused_with_the_closest(name, said):
    with pytest.raises(ValueError, match=rf"^{re.escape(said)}.*\(--netchaos-profiles lists them\)$"):
        PROFILES.get(name)


def test_a_profile_that_was_added_is_found_and_says_who_brought_it():
    profiles, mine = Profiles(), Profile("mine", (Cut(),))
    profiles.add(mine, "a plugin")
    assert profiles.get("mine") is mine
    assert (profiles.origin("mine"), profiles.origin("tunnel")) == ("a plugin", "")
    assert list(profiles)[-1] is mine


def test_a_name_that_is_taken_is_refused_with_its_owner():
    profiles = Profiles()
    profiles.add(Profile("mine", (Cut(),)), "one")
    with pytest.raises(ValueError, match=r"^two: there is a profile 'mine' already, from one: choose another name$"):
        profiles.add(Profile("mine", (Cut(),)), "two")
    with pytest.raises(ValueError, match=r"^x: there is a profile '2g' already, from pytest-netchaos: choose"):
        profiles.add(Profile("2g", (Cut(),)), "x")


def test_what_is_no_profile_is_refused():
    with pytest.raises(TypeError, match=r"^a plugin must give profiles, not 'x'$"):
        Profiles().add("x", "a plugin")


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        (("a b", (Cut(),)), ValueError, "a profile's name is of letters, digits and . _ -, and not 'a b'"),
        (("a,b", (Cut(),)), ValueError, "a profile's name is of letters, digits and . _ -, and not 'a,b'"),
        (("-a", (Cut(),)), ValueError, "a profile's name is of letters, digits and . _ -, and not '-a'"),
        ((3, (Cut(),)), ValueError, "a profile's name is of letters, digits and . _ -, and not 3"),
        (("a", ()), ValueError, "profile 'a' has no fault"),
        (("a", (Cut,)), TypeError, f"the faults of profile 'a' must be a tuple of faults, not ({Cut!r},)"),
        (("a", [Cut()]), TypeError, "the faults of profile 'a' must be a tuple of faults, not [Cut()]"),
        (("a", (Reset(),)), ValueError, "reset() in profile 'a' is over as soon as it has happened: put it in a Flap"),
    ],
)
def test_what_can_be_no_profile_is_refused(values, error, said):
    with pytest.raises(error) as caught:
        Profile(*values)
    assert str(caught.value) == said


def test_an_instant_fault_can_be_in_a_flap():
    assert isinstance(Profile("a", (Flap(fault=Close()),)).faults[0], Fault)
