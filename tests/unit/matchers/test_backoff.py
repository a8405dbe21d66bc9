from __future__ import annotations

import dataclasses
import itertools
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.dialled import dialled

from pytest_netchaos.faults import Cut
from pytest_netchaos.history import Dial, Dials, FaultSpan, History
from pytest_netchaos.jitter import Jitter, additive, backo2, decorrelated, equal, full, proportional
from pytest_netchaos.linklog import with_waits
from pytest_netchaos.matchers.backoff import backoff

LONG = 5.0  # how long a connection lives


def dials(*waits, blind="", outcomes=""):
    """Dials with these waits between them: the first is served, and so are those marked ``s`` in ``outcomes``."""
    at, made = 0.0, []
    for number, (wait, outcome) in enumerate(itertools.zip_longest([0.0, *waits], "s" + outcomes), 1):
        served = outcome == "s"
        at += wait
        ended = at + LONG if served else at
        made.append(Dial(number, at, "served" if served else "refused", ended_at=ended))
        at = ended
    return Dials(with_waits(made), blind)


def exact(*args, **kwargs):
    return backoff(*args, late=1e-9, **kwargs)


@pytest.mark.parametrize(
    ("matcher", "seen", "holds"),
    [
        (exact(0.1), dials(0.1, 0.2, 0.4), True),
        (exact(0.1), dials(0.1, 0.2, 0.3), False),
        (exact(0.1), dials(0.2, 0.4), False),
        (exact(0.1), dials(0.1, 0.2, 0.8), False),
        (exact(0.1, 1), dials(0.1, 0.1, 0.1), True),
        (exact(0.1, 3.0), dials(0.1, 0.3, 0.9), True),
        (exact(0), dials(0, 0, 0), True),
        (exact(0), dials(0, 0.1), False),
        (backoff(0, late=0), dials(0, 0), True),
        (exact(0.1, cap=0.3), dials(0.1, 0.2, 0.3, 0.3), True),
        (exact(0.1, cap=0.3), dials(0.1, 0.2, 0.4), False),
        (exact(0.1, cap=0.1), dials(0.1, 0.1), True),
        (exact(0.1), dials(0.1, 0.2, 0.1, 0.2, outcomes="rsr"), True),
        (exact(0.1), dials(0.1, 0.2, 0.4, outcomes="rs"), False),
        (exact(0.1), dials(0.1, 0.1, 0.1, outcomes="sss"), True),
        (exact(1, jitter=0.2), dials(0.8, 2.4), True),
        (exact(1, jitter=0.2), dials(0.789), False),
        (exact(1, jitter=0.2), dials(1.21), False),
        (exact(1, jitter=1), dials(0.0, 4.0), True),
        (backoff(1), dials(0.991, 2.249), True),
        (backoff(1), dials(1.251), False),
        (backoff(1), dials(0.989), False),
        (backoff(1, jitter=0.1, late=0.2), dials(0.891), True),
        (backoff(1, jitter=0.1, late=0.2), dials(0.889), False),
        (backoff(1, jitter=0.1, late=0.2), dials(1.299), True),
        (backoff(1, jitter=0.1, late=0.2), dials(1.301), False),
        (exact(0.1, initial=0.5), dials(0.5, 0.1, 0.2), True),
        (exact(0.1, initial=0.5), dials(0.1, 0.2), False),
        (exact(1, initial=(0, 5)), dials(4.9, 1, 2), True),
        (exact(1, initial=(0, 5)), dials(5.1, 1, 2), False),
        (exact(1, initial=(2, 5)), dials(1.9, 1, 2), False),
        (exact(1, at_once=True), dials(0, 1, 2), True),
        (exact(1, at_once=True), dials(1, 2), False),
        (exact(1, at_once=True, initial=3), dials(0, 3, 1, 0, 3, 1, outcomes="rrsrr"), True),
        (exact(1, at_once=True), dials(0, 1, 2)[2:], True),
        (exact(1, cap=3, jitter=additive(0.5)), dials(1.5, 1.5, 3.5, 2.5), True),
        (exact(1, cap=3, jitter=additive(0.5)), dials(1.5, 1.4), False),
        (exact(0.1, jitter=additive(0.5)), dials(0, 0.7), True),
        (exact(1, cap=3, jitter=full()), dials(0, 2, 0, 3), True),
        (exact(1, cap=3, jitter=full()), dials(0, 2, 3.1), False),
        (exact(1, jitter=equal()), dials(0.5, 2), True),
        (exact(1, jitter=equal()), dials(0.48), False),
        (exact(1, cap=3, jitter=0.5), dials(1.5, 3, 4.5), True),
        (exact(1, cap=3, jitter=proportional(0.5, cap_after=True)), dials(1.5, 3, 3, 3), True),
        (exact(1, cap=3, jitter=proportional(0.5, cap_after=True)), dials(1.5, 3, 3.1), False),
        (exact(1, cap=3, jitter=proportional(0.5, cap_after=True)), dials(1.5, 3, 3, 2.9), False),
        (exact(1, cap=5, jitter=decorrelated()), dials(3, 1, 3, 5, 5), True),
        (exact(1, cap=5, jitter=decorrelated()), dials(3.1), False),
        (exact(1, cap=5, jitter=decorrelated()), dials(1, 3.1), False),
        (exact(1, cap=5, jitter=decorrelated()), dials(1, 0.9), False),
        (exact(1, cap=5, jitter=decorrelated(2)), dials(1, 2.1), False),
        (exact(1, jitter=backo2(0.5)), dials(0.56, 1.1, 6), True),
        (exact(1, jitter=backo2(0.5)), dials(0.51), False),
        (exact(0.1), dials(), False),
        (exact(0.1), Dials(), False),
    ],
)
def test_backoff(matcher, seen, holds):
    assert (seen == matcher) is holds


def test_a_history_is_judged_by_its_dials():
    assert History("chat", 9.0, dials(0.1, 0.2)) == exact(0.1)
    assert History("chat", 9.0, dials(0.1, 0.3)) != exact(0.1)


def test_a_link_is_judged_by_its_dials_and_never_waited_for():
    class Link:
        def history(self):
            return History("chat", 9.0, dials(0.1, 0.3), faults=(FaultSpan(Cut(), 1.0, 8.9),))

        def wait_history(self, *_):
            raise AssertionError("waited")

        wait_history_async = wait_history

    assert Link() != exact(0.1)
    assert exact(0.1).explain(Link())[0].startswith("dial 3 came too late")


def test_a_refused_first_dial_begins_a_run_too():
    made = [Dial(1, 0.0, "refused", ended_at=0.0), Dial(2, 0.1, "refused", ended_at=0.1), Dial(3, 0.3, "served")]
    assert Dials(with_waits(made)) == exact(0.1)


def test_a_dial_that_was_served_after_its_client_had_given_up_ends_no_run():
    seen = dials(0.1, 0.2, 0.4, 0.1, outcomes="sss")
    assert seen != exact(0.1)
    in_vain = [dataclasses.replace(d, in_vain=d.number in (2, 3)) for d in seen]
    assert Dials(in_vain) == exact(0.1)
    assert Dials(dataclasses.replace(d, in_vain=True) for d in seen) != exact(0.1), "0.8 was to come"


def test_a_slice_begins_a_run():
    seen = dials(0.1, 0.2, 0.4)
    assert seen[1:] == exact(0.1)
    assert seen[2:] == exact(0.2)
    assert seen[3:] == exact(0.4)


def test_a_pending_dial_counts():
    seen = dials(0.1)
    pending = Dial(3, seen[1].at + 0.3, "pending", waited=0.3)
    assert Dials([*seen, pending]) != exact(0.1)


def test_waits_never_overflow():
    seen = Dials([Dial(1, 0.0, "refused"), *(Dial(n, float(n), "refused", waited=0.0) for n in range(2, 3000))])
    assert explain(seen, backoff(1.0, 1000.0, jitter=1.0)).startswith("no jitter seen")


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"first": -0.1}, ValueError, "first must be from 0 to 86400, not -0.1 (seconds; a day at most)"),
        ({"first": None}, TypeError, "first must be a number, not None"),
        ({"first": 1, "factor": 0.5}, ValueError, "factor must be from 1 to 1000, not 0.5"),
        ({"first": 1, "factor": float("inf")}, ValueError, "factor must be from 1 to 1000, not inf"),
        ({"first": 1, "cap": 0.5}, ValueError, "cap must be at least first (1), not 0.5"),
        ({"first": 1, "cap": "2"}, TypeError, "cap must be a number, not '2'"),
        ({"first": 1, "cap": 1e9}, ValueError, "cap must be from 0 to 86400, not 1000000000.0"),
        ({"first": 1, "jitter": 1.5}, ValueError, "jitter must be from 0 to 1, not 1.5"),
        ({"first": 1, "jitter": -0.5}, ValueError, "jitter must be from 0 to 1, not -0.5"),
        ({"first": 1, "late": -1}, ValueError, "late must be from 0 to 86400, not -1"),
        ({"first": 1, "jitter": Jitter()}, TypeError, "jitter must be a number or one of the models: full(), "),
        ({"first": 1, "jitter": full}, TypeError, "jitter must be a number, not <class"),
        (
            {"first": 1, "factor": 3, "jitter": decorrelated()},
            ValueError,
            "factor has no meaning with jitter=decorrelated(), and is 3: write decorrelated(3)",
        ),
        ({"first": 1, "initial": -1}, ValueError, "initial must be from 0 to 86400, not -1"),
        ({"first": 1, "initial": (1,)}, ValueError, "initial must be seconds or a (shortest, longest) pair, not (1,)"),
        ({"first": 1, "initial": (2, 1)}, ValueError, "initial must be a (shortest, longest) pair, not (2, 1)"),
        ({"first": 1, "initial": (None, 1)}, TypeError, "initial must be a number, not None"),
        ({"first": 1, "at_once": 0}, TypeError, "at_once must be True or False, not 0"),
        ({"first": 1, "samples": 30.0}, TypeError, "samples must be a whole number, not 30.0"),
        ({"first": 1, "samples": 29}, ValueError, "samples must be at least 30, not 29: fewer say too little"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, error, said):
    with pytest.raises(error) as caught:
        backoff(**arguments)
    assert str(caught.value).startswith(said)


def test_late_is_a_keyword():
    with pytest.raises(TypeError):
        backoff(0.1, 2.0, None, 0.0, 0.05)


def test_a_cap_below_first_is_refused_only_where_it_is_applied_first():
    assert dials(0.5, 0.5) == exact(1, cap=0.5, jitter=proportional(0.1, cap_after=True))
    with pytest.raises(ValueError, match="cap must be at least first"):
        backoff(1, cap=0.5, jitter=proportional(0.1))


def explain(seen, matcher):
    return "\n".join(matcher.explain(seen))


def test_the_example_of_the_handbook():
    seen = Dials(
        [
            Dial(1, 7.0, "refused", ended_at=7.0),
            Dial(2, 7.101, "refused", ended_at=7.101, waited=0.101),
            Dial(3, 7.305, "refused", ended_at=7.305, waited=0.204),
            Dial(4, 7.409, "refused", ended_at=7.409, waited=0.104),
            Dial(5, 8.209, "refused", ended_at=8.209, waited=0.8),
            Dial(6, 9.809, "refused", ended_at=9.809, waited=1.6),
        ]
    )
    assert explain(seen, backoff(0.1, jitter=0.2, late=0)) == (
        "dial 4 came too soon: backoff(first=0.1, jitter=0.2, late=0)\n"
        "  dial 2  + 0.101s  waited 0.101s  allowed 0.070..0.120s\n"
        "  dial 3  + 0.305s  waited 0.204s  allowed 0.150..0.240s\n"
        "> dial 4  + 0.409s  waited 0.104s  allowed 0.310..0.480s\n"
        "  dial 5  + 1.209s  waited 0.800s  allowed 0.630..0.960s\n"
        "  dial 6  + 2.809s  waited 1.600s  allowed 1.270..1.920s\n"
        "1 of 5 waits out of range"
    )


def test_too_late():
    assert explain(dials(0.4), backoff(0.1)) == (
        "dial 2 came too late: backoff(first=0.1)\n"
        "> dial 2  + 5.400s  waited 0.400s  allowed 0.090..0.350s\n"
        "1 of 1 wait out of range"
    )


def test_the_window_lies_around_the_first_one_out_of_range():
    lines = exact(0.1, 1).explain(dials(0.1, 0.1, 0.1, 0.3, 0.1, 0.3, 0.1))
    assert [line[:8] for line in lines[1:-1]] == ["  dial 3", "  dial 4", "> dial 5", "  dial 6", "  dial 7"]
    assert (lines[0][:20], lines[-1]) == ("dial 5 came too late", "2 of 7 waits out of range")


def test_no_wait_is_allowed_to_be_negative():
    assert "allowed 0.000..0.105s" in explain(dials(3), backoff(0.005, late=0.1))


@pytest.mark.parametrize(
    ("seen", "said"),
    [(Dials(), "0 dials"), (dials(), "1 dial")],
)
def test_no_reconnect(seen, said):
    assert explain(seen, backoff(0.1)) == f"no reconnect to judge: {said}: backoff(first=0.1)"


def test_several_clients():
    seen = Dials([Dial(1, 0.0, "served"), Dial(2, 0.1, "served"), Dial(3, 0.2, "served", waited=0.1)])
    assert explain(seen, backoff(0.1)) == (
        "dial 2 began before dial 1 had ended: backoff(first=0.1)\n"
        "several clients dial at once, and their waits can't be told apart: give each a link of its own"
    )


def test_several_clients_that_dialled_twice_in_all():
    assert "several clients" in explain(Dials([Dial(1, 0.0, "served"), Dial(2, 0.1, "served")]), backoff(0.1))


def test_a_part_of_the_dials():
    assert explain(dials(0.1, 0.2, 0.1, 0.2, outcomes="rs").refused, exact(0.1)) == (
        "dials between 2 and 4 are left out: backoff(first=0.1, late=1e-09)\n"
        "compare it with link.dials, or with a slice of them: a wait is the time between neighbours"
    )


def test_what_could_not_be_seen_comes_last():
    lines = backoff(0.1).explain(dials(3.0, blind="some dials are invisible"))
    assert (lines[0][:20], lines[-1]) == ("dial 2 came too late", "some dials are invisible")


def test_when_dials_may_have_been_missed_it_does_not_pass():
    assert explain(dials(0.1, outcomes="s", blind="some dials are invisible"), backoff(0.1)) == (
        "no refused dial was seen, and not all could be: the waits can't be judged: backoff(first=0.1)\n"
        "some dials are invisible"
    )


def test_when_refused_dials_were_seen_it_may_pass():
    assert dials(0.1, 0.2, outcomes="rs", blind="those of other processes are invisible") == exact(0.1)


def test_it_fits_what_pytest_shows():
    lines = backoff(0.1, 1.5, 10.0, 0.25, late=0.025).explain(dials(*[900.0] * 9, blind="x" * 130))
    assert len(lines) <= 8
    assert sum(map(len, lines)) <= 640


# An oracle that makes the waits from the definition, and plants one that is off.


def meant(index, first, factor, cap):
    return min(first * factor**index, float("inf") if cap is None else cap)


policies = st.fixed_dictionaries(
    {
        "first": st.floats(0.01, 2),
        "factor": st.floats(1, 3),
        "cap": st.none() | st.floats(2, 9),
        "jitter": st.floats(0, 0.9),
    }
)
runs = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def ranges(policy, lengths):
    """The allowed range of each wait, and the outcomes of the dials: each run ends with a served one."""
    allowed, outcomes = [], ""
    for length in lengths:
        for index in range(length):
            middle = meant(index, policy["first"], policy["factor"], policy["cap"])
            allowed.append((middle * (1 - policy["jitter"]) - 0.01, middle * (1 + policy["jitter"]) + 0.25))
        outcomes += "r" * (length - 1) + "s"
    return allowed, outcomes


@given(policies, runs, st.data())
def test_a_client_that_keeps_to_its_policy_is_accepted(policy, lengths, data):
    allowed, outcomes = ranges(policy, lengths)
    waits = [max(0.0, low + 0.001 + (high - low - 0.002) * data.draw(st.floats(0, 1))) for low, high in allowed]
    assert backoff(**policy).explain(dials(*waits, outcomes=outcomes)) == []


@given(policies, runs, st.data())
def test_a_wait_that_is_off_is_found(policy, lengths, data):
    allowed, outcomes = ranges(policy, lengths)
    waits = [(low + high) / 2 for low, high in allowed]
    at = data.draw(st.integers(0, len(waits) - 1))
    low, high = allowed[at]
    too_soon = data.draw(st.booleans())
    assume(low > 0.002 or not too_soon)
    waits[at] = low - 0.001 if too_soon else high + 0.001
    lines = backoff(**policy).explain(dials(*waits, outcomes=outcomes))
    assert lines[0].startswith(f"dial {at + 2} came too {'soon' if too_soon else 'late'}: backoff(")
    assert lines[-1].startswith(f"1 of {len(waits)} wait")


# Random waits: the laws of the models, written down once more, as draws.


def draw_share(draws, meant, _):
    return meant * (1 + draws.uniform(-0.4, 0.4))


def draw_additive(draws, meant, _):
    return meant + draws.uniform(-0.1, 0.1)


def draw_full(draws, meant, _):
    return draws.uniform(0, meant)


def draw_equal(draws, meant, _):
    return meant / 2 + draws.uniform(0, meant / 2)


def draw_decorrelated(draws, meant, last):
    return min(CAP, draws.uniform(FIRST, max(FIRST, 3 * last)))


FIRST, FACTOR, CAP = 0.2, 2.0, 2.5
JITTERS = {
    draw_share: 0.4,
    draw_additive: additive(0.1),
    draw_full: full(),
    draw_equal: equal(),
    draw_decorrelated: decorrelated(),
}
RUNS, DEPTH = 12, 6


def drawn_runs(how, seed, bend=lambda _, __, drawn: drawn):
    """Runs of a client that draws like this; ``bend`` is what is wrong with it."""
    draws, runs = random.Random(seed), []
    for _ in range(RUNS):
        run, last = [], FIRST
        for index in range(DEPTH):
            meant = min(FIRST * FACTOR**index, CAP)
            last = bend(index, meant, how(draws, meant, last))
            run.append(last + draws.uniform(0, 0.005))
        runs.append(run)
    return runs


def model(how, **kwargs):
    return backoff(FIRST, cap=CAP, jitter=JITTERS[how], late=0.03, **kwargs)


hows = st.sampled_from(list(JITTERS))
seeds = st.integers(0, 10**9)


@given(hows, seeds)
def test_a_client_that_draws_as_it_should_is_accepted(how, seed):
    assert model(how).explain(dialled(*drawn_runs(how, seed))) == []


@given(hows, seeds, st.integers(0, RUNS - 1), st.integers(1, DEPTH - 1), st.booleans())
def test_one_random_wait_that_is_impossible_is_found_and_named(how, seed, run, index, too_soon):
    assume(not (too_soon and how is draw_full))
    runs = drawn_runs(how, seed)
    runs[run][index] = 0.05 if too_soon else 3 * CAP
    lines = model(how).explain(dialled(*runs))
    assert lines[0].startswith(f"dial {2 + run * DEPTH + index} came too {'soon' if too_soon else 'late'}: backoff(")


@given(st.sampled_from([draw_share, draw_additive, draw_equal]), seeds)
def test_a_factor_that_is_wrong_from_one_wait_on_is_found(how, seed):
    draws = random.Random(seed)
    runs = [[how(draws, min(FIRST * FACTOR ** min(index, 2), CAP), 0) for index in range(DEPTH)] for _ in range(RUNS)]
    assert "came too soon" in model(how).explain(dialled(*runs))[0]


@given(st.sampled_from([draw_share, draw_additive, draw_full, draw_equal]), seeds)
def test_a_cap_that_is_ignored_is_found(how, seed):
    draws = random.Random(seed)
    runs = [[how(draws, FIRST * FACTOR**index, 0) for index in range(DEPTH + 2)] for _ in range(RUNS)]
    assert "came too late" in model(how).explain(dialled(*runs))[0]


@given(st.sampled_from([draw_share, draw_additive, draw_equal]), seeds)
def test_a_reset_that_is_missing_after_a_success_is_found(how, seed):
    draws = random.Random(seed)
    runs = [[how(draws, CAP, 0) if number else how(draws, FIRST, 0)] for number in range(RUNS)]
    assert model(how).explain(dialled(*runs))[0].startswith("dial 3 came too late: backoff(")


@given(st.sampled_from([draw_share, draw_full, draw_equal]), seeds)
def test_a_client_without_jitter_is_found(how, seed):
    middle = {draw_share: 1.0, draw_full: 0.5, draw_equal: 0.75}[how]
    runs = drawn_runs(how, seed, lambda _, meant, __: meant * middle)
    assert model(how).explain(dialled(*runs))[0].startswith("no jitter seen: backoff(")


@given(st.sampled_from([draw_share, draw_full, draw_equal]), seeds, st.booleans())
def test_jitter_that_goes_one_way_is_found(how, seed, longer):
    middle = {draw_share: 1.0, draw_full: 0.5, draw_equal: 0.75}[how]

    def bend(_, meant, drawn):
        off = abs(drawn - middle * meant)
        return middle * meant + (off if longer else -off)

    lines = model(how).explain(dialled(*drawn_runs(how, seed, bend)))
    whole = f"too {'long' if longer else 'short'} on the whole"
    end = f"never as {'short' if longer else 'long'} as they should be now and then"
    assert lines[0].startswith((f"the random waits are {whole}: backoff(", f"the random waits are {end}: backoff("))


def test_the_statistics_are_shown_where_they_are_what_failed():
    runs = drawn_runs(draw_full, 1, lambda _, __, drawn: drawn / 4)
    assert explain(dialled(*runs), model(draw_full)) == (
        "the random waits are too short on the whole: backoff(first=0.2, cap=2.5, jitter=full(), late=0.03)\n"
        "72 random waits, each as a quantile of what it may be (0 shortest, 0.5 median, 1 longest):\n"
        "  seen      least 0.00  mean 0.13  most 0.25\n"
        "  expected  least under 0.20  mean 0.31..0.69  most over 0.80\n"
        "a client that keeps to this policy fails here less than once in a million times"
    )


def test_the_statistics_are_there_otherwise_too():
    found = model(draw_full).statistics(dialled(*drawn_runs(draw_full, 1)))
    assert (found.count, found.verdict) == (RUNS * DEPTH, "")
    assert 0.31 < found.mean < 0.69
    assert backoff(1).statistics(dialled([1, 2])) is None
    assert backoff(1).statistics(dialled()) is None
    assert backoff(1).statistics("link") is None


def test_fewer_random_waits_than_asked_for_are_judged_by_their_bounds_alone():
    runs = drawn_runs(draw_full, 1, lambda _, __, drawn: drawn / 4)
    assert dialled(*runs) == model(draw_full, samples=RUNS * DEPTH + 1)
    assert dialled(*runs) != model(draw_full, samples=RUNS * DEPTH)
