from __future__ import annotations

import random

import pytest
from tests.dialled import dialled

from pytest_netchaos import jitter
from pytest_netchaos.fingerprints import Fingerprint, fingerprint
from pytest_netchaos.history import Dial, Dials, History
from pytest_netchaos.jitter import additive, backo2, decorrelated, equal, full
from pytest_netchaos.matchers.backoff import backoff
from pytest_netchaos.presets import redis_py, websockets_default

# The laws of the models, written down once more, as draws.


def draw_share(draws, p, meant, _):
    return min(meant, p["cap"]) * (1 + draws.uniform(-p["share"], p["share"]))


def draw_additive(draws, p, meant, _):
    return min(meant, p["cap"]) + p["first"] * draws.uniform(-p["share"], p["share"])


def draw_full(draws, p, meant, _):
    return draws.uniform(0, min(meant, p["cap"]))


def draw_full_capped_after(draws, p, meant, _):
    return min(p["cap"], draws.uniform(0, meant))


def draw_equal(draws, p, meant, _):
    return min(meant, p["cap"]) * draws.uniform(0.5, 1)


def draw_decorrelated(draws, p, _, last):
    return min(p["cap"], draws.uniform(p["first"], max(p["first"], 3 * last)))


def draw_backo2(draws, p, meant, _):
    drawn = draws.random()
    return min(p["cap"], meant + (1 if int(drawn * 10) % 2 else -1) * drawn * p["share"] * meant)


def draw_nothing(_, p, meant, __):
    return min(meant, p["cap"])


def runs_of(how, p, seed, count=14, depth=6):
    draws, runs = random.Random(seed), []
    for _ in range(count):
        run, last = [], p["first"]
        for index in range(depth):
            last = max(0.0, how(draws, p, p["first"] * p["factor"] ** index, last))
            run.append(last + draws.uniform(0, 0.001))  # timers are late
        runs.append(run)
    return runs


def policy(seed):
    """The parameters of a client, drawn from the seed."""
    draws = random.Random(seed)
    first = draws.uniform(0.05, 0.5)
    return {
        "first": first,
        "factor": draws.choice([1.5, 2.0, 3.0, draws.uniform(1.5, 3)]),
        "cap": first * draws.uniform(3, 10),
        "share": draws.uniform(0.45, 0.85),
    }


seeds = pytest.mark.parametrize("seed", range(2))


def accepted_as_printed(found, seen):
    """What it prints, evaluated, accepts the dials."""
    names = {**vars(jitter), "backoff": backoff}
    return seen == eval(str(found).splitlines()[0], names)


def about(found, wanted, share):
    return found == pytest.approx(wanted, rel=share)


@seeds
def test_a_policy_without_jitter_is_recovered(seed):
    p = policy(seed)
    seen = dialled(*runs_of(draw_nothing, p, seed, count=4))
    found = fingerprint(seen)
    assert accepted_as_printed(found, seen)
    assert found.matcher.jitter == 0
    assert about(found.matcher.first, p["first"], 0.05)
    assert about(found.matcher.factor, p["factor"], 0.05)
    assert about(found.matcher.cap, p["cap"], 0.02)


@pytest.mark.parametrize(
    ("how", "model"),
    [(draw_share, float), (draw_full, full), (draw_equal, equal), (draw_additive, additive)],
)
@seeds
def test_a_random_policy_is_recovered(how, model, seed):
    p = policy(seed)
    seen = dialled(*runs_of(how, p, seed))
    found = fingerprint(seen)
    assert accepted_as_printed(found, seen)
    assert isinstance(found.matcher.jitter, model)
    assert about(found.matcher.first, p["first"], 0.15)
    assert about(found.matcher.factor, p["factor"], 0.15)
    assert about(found.matcher.cap, p["cap"], 0.15)


@seeds
def test_a_cap_that_is_applied_last_is_told_from_one_that_is_not(seed):
    p = policy(seed)
    seen = dialled(*runs_of(draw_full_capped_after, p, seed))
    found = fingerprint(seen)
    assert accepted_as_printed(found, seen)
    assert found.matcher.jitter == full(cap_after=True)
    assert about(found.matcher.cap, p["cap"], 0.02)
    assert about(found.matcher.first, p["first"], 0.3)


@seeds
def test_a_decorrelated_policy_is_recovered(seed):
    p = policy(seed)
    seen = dialled(*runs_of(draw_decorrelated, p, seed))
    found = fingerprint(seen)
    assert accepted_as_printed(found, seen)
    assert found.matcher.jitter == decorrelated()
    assert about(found.matcher.first, p["first"], 0.15)
    assert about(found.matcher.cap, p["cap"], 0.02)


@seeds
def test_the_policy_of_socketio_js_is_recovered(seed):
    p = policy(seed)
    p["factor"] = 2.0
    seen = dialled(*runs_of(draw_backo2, p, seed))
    found = fingerprint(seen)
    assert accepted_as_printed(found, seen)
    assert isinstance(found.matcher.jitter, backo2)
    assert about(found.matcher.cap, p["cap"], 0.02)
    assert about(found.matcher.first, p["first"], 0.3)


def test_the_policy_of_websockets_is_recovered():
    delays = pytest.importorskip("websockets.client").backoff
    random.seed(3)
    runs = [[0.0005, *(delay for delay, _ in zip(delays(0.5, 0.31, 0.9), range(7), strict=False))] for _ in range(10)]
    found = fingerprint(dialled(*runs))
    assert (found.matcher.at_once, found.matcher.initial[0]) == (True, 0)
    assert 0.4 < found.matcher.initial[1] < 0.65
    assert about(found.matcher.first, 0.31, 0.02)
    assert about(found.matcher.factor, 1.618, 0.02)
    assert about(found.matcher.cap, 0.9, 0.02)
    assert dialled(*runs) == websockets_default(*found.matcher.initial[1:], found.matcher.first, found.matcher.cap)


def test_the_policy_of_redis_is_recovered():
    made = pytest.importorskip("redis.backoff").ExponentialWithJitterBackoff(base=0.05, cap=1.0)
    random.seed(5)
    seen = dialled(*([made.compute(failures) for failures in range(1, 9)] for _ in range(14)))
    found = fingerprint(seen)
    assert found.matcher.jitter == redis_py().jitter
    assert about(found.matcher.first, 0.1, 0.3)
    assert found.matcher.cap == 1.0


SEEN = dialled([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


@pytest.mark.parametrize("seed", range(8))
def test_the_first_draw_of_a_single_run_is_no_wait_apart(seed):
    draws = random.Random(seed)
    found = fingerprint(dialled([draws.uniform(0, 0.4) + draws.uniform(0, 0.001) for _ in range(30)]))
    assert (found.matcher.jitter, found.matcher.initial) == (full(), None)
    assert about(found.matcher.first, 0.4, 0.1)
    assert about(found.matcher.factor, 1, 0.02)


def test_a_link_and_a_history_are_judged_by_their_dials():
    history = History("chat", 99.0, SEEN)

    class Link:
        def history(self):
            return history

        def wait_history(self, *_):
            raise AssertionError("waited")

        wait_history_async = wait_history

    assert fingerprint(history) == fingerprint(Link()) == fingerprint(SEEN)
    assert fingerprint(SEEN).matcher == backoff(0.1, cap=1.0)


def test_anything_else_is_refused():
    with pytest.raises(TypeError) as caught:
        fingerprint([0.1, 0.2])
    assert str(caught.value) == "fingerprint() takes a link, its history or its dials, not 'list'"


def test_it_prints_the_matcher_and_how_sure_it_is():
    rng = random.Random(2)
    seen = dialled(*([rng.uniform(0, min(0.1 * 2**n, 0.8)) for n in range(6)] for _ in range(4)))
    first, second, *rest = str(fingerprint(seen)).splitlines()
    assert first.startswith("backoff(first=0.")
    assert second.startswith("from 24 waits in 4 runs; ")
    assert "24 random waits may be too few to tell the jitter: it takes 30" in rest


def test_it_says_how_likely_the_rival_is():
    made = Fingerprint(backoff(0.1), 40, 8, backoff(0.2), 7.0, ("no cap was seen: the longest wait was 0.8s",))
    assert str(made) == (
        "backoff(first=0.1)\n"
        "from 40 waits in 8 runs; next best, 1,097 times less likely: backoff(first=0.2)\n"
        "no cap was seen: the longest wait was 0.8s"
    )
    assert "; as likely is backoff(first=0.2)" in str(Fingerprint(backoff(0.1), 40, 8, backoff(0.2), 0.5))
    assert "; next best, over a million times less likely: " in str(Fingerprint(backoff(0.1), 1, 1, backoff(0.2), 50))
    assert str(Fingerprint(backoff(0.1), 1, 1)).endswith("from 1 wait in 1 run; no other policy comes near")


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            dialled(),
            "no policy found: 0 waits in 0 runs\nno reconnect to judge: 1 dial: fingerprint()",
        ),
        (
            dialled([0.1, 0.2]),
            "no policy found: 2 waits in 1 run\nit takes at least 3 waits: let the client dial in vain more often",
        ),
        (
            dialled([0.1], [0.1], [0.1]),
            (
                "no policy found: 3 waits in 3 runs\n"
                "each run has a single wait, so nothing can have grown: let the client dial in vain twice in a row"
            ),
        ),
        (
            Dials([Dial(1, 0.0, "served"), Dial(2, 0.1, "served")]),
            (
                "no policy found: 0 waits in 0 runs\n"
                "dial 2 began before dial 1 had ended: fingerprint()\n"
                "several clients dial at once, and their waits can't be told apart: give each a link of its own"
            ),
        ),
        (
            dialled([5.0, 0.01, 700.0, 0.02, 3.0, 9000.0, 0.01]),
            None,
        ),
    ],
)
def test_where_it_cannot_tell_it_says_what_is_missing(seen, said):
    found = fingerprint(seen)
    if said is None:  # waits without any order: whatever it says of them has to be true
        assert found.matcher is None or accepted_as_printed(found, seen)
    else:
        assert (found.matcher, str(found)) == (None, said)


def test_when_dials_may_have_been_missed_it_does_not_guess():
    seen = Dials(dialled([0.1], [0.2], [0.4]), "some dials are invisible")
    found = fingerprint(seen)
    assert found.matcher is None
    assert found.missing[1] == "some dials are invisible"


def test_a_client_that_never_waits():
    found = fingerprint(dialled([0.0] * 40))
    assert dialled([0.0] * 40) == found.matcher
    assert found.matcher.first < 0.01


def test_a_client_that_always_waits_the_same():
    assert fingerprint(dialled(*[[0.3] * 8] * 3)).matcher == backoff(0.3, 1.0)


def test_a_cap_that_was_not_seen_is_not_made_up():
    found = fingerprint(dialled([0.1, 0.2, 0.4, 0.8]))
    assert found.matcher == backoff(0.1)
    assert found.missing == ("no cap was seen: the longest wait was 0.800s",)
