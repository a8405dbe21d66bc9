from __future__ import annotations

import json

import pytest

from pytest_netchaos.relay.api import toxics
from pytest_netchaos.relay.api.bodies import Refused, decode


def new(said, taken=(), seed=7):
    text = said if isinstance(said, str) else json.dumps(said)
    return toxics.read_new(decode(text.encode()), taken.__contains__, seed)


def why(call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.status, caught.value.why


def test_the_defaults():
    assert new({"type": "latency"}).show() == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }


@pytest.mark.parametrize(
    ("type_", "attributes", "values"),
    [
        ("latency", {"latency": 1500, "jitter": 20}, (1.5, 0.02)),
        ("bandwidth", {"rate": 3}, (3000.0,)),
        ("slow_close", {"delay": 250}, (0.25,)),
        ("timeout", {"timeout": 0}, (0.0,)),
        ("reset_peer", {"timeout": 10}, (0.01,)),
        ("slicer", {"average_size": 10, "size_variation": 9, "delay": 50}, (10.0, 9.0, 0.00005)),
        ("limit_data", {"bytes": 100}, (100.0,)),
        ("noop", {}, ()),
    ],
)
def test_what_each_means_in_seconds_and_bytes(type_, attributes, values):
    fault = new({"type": type_, "attributes": attributes, "stream": "UPSTREAM", "toxicity": 0.5}).fault
    assert fault.values == pytest.approx(values)
    assert (fault.kind, fault.direction, fault.toxicity) == (type_, "upstream", 0.5)


def test_a_time_that_no_timer_can_count_is_cut():
    assert new({"type": "latency", "attributes": {"latency": (1 << 63) - 1}}).fault.values[0] == toxics.FOREVER


def test_the_same_names_and_seeds_draw_the_same():
    one, two, other = new({"type": "noop"}), new({"type": "noop"}), new({"type": "noop", "name": "x"})
    assert (one.fault.id, one.fault.seed) == (two.fault.id, two.fault.seed)
    assert one.fault.id != other.fault.id
    assert toxics.stable_hash("a") == 0xAF63DC4C8601EC8C  # of FNV-1a's published test vectors


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"type": "latency", "attributes": {"latency": -1}}, "attributes.latency must not be negative, and is -1"),
        ({"type": "slicer"}, "attributes.average_size must be at least 1, and is 0"),
        (
            {"type": "slicer", "attributes": {"average_size": 5, "size_variation": 5}},
            "attributes.size_variation must be less than average_size (5), and is 5",
        ),
        ({"type": "noop", "toxicity": 1.01}, "toxicity must be between 0 and 1, not 1.01"),
        ({"type": "noop", "toxicity": -0.1}, "toxicity must be between 0 and 1, not -0.1"),
        ({"type": "noop", "toxicity": "1"}, "toxicity must be a number, not '1'"),
        ({"type": "noop", "attributes": 5}, "attributes must be an object, not 5"),
        ({"type": "bandwidth", "attributes": {"rate": "fast"}}, "attributes.rate must be an integer, not 'fast'"),
        ('{"type":"noop","toxicity":1e999}', "toxicity must be between 0 and 1, not 1e999"),
    ],
)
def test_what_is_out_of_range_is_refused_by_name(said, expected):
    assert why(new, said) == (400, f"bad request body: {expected}")


def test_refusals_in_toxiproxys_words():
    assert why(new, {"type": "x"}) == (400, "invalid toxic type")
    assert why(new, {"type": "noop", "stream": "x"}) == (
        400,
        "stream was invalid, can be either upstream or downstream",
    )
    assert why(new, {"type": "noop"}, ["noop_downstream"]) == (409, "toxic already exists")


def test_a_toxicity_has_the_precision_of_32_bits():
    assert new({"type": "noop", "toxicity": 0.3333333333}).toxicity == 0.33333334
    assert new({"type": "noop", "toxicity": 0.1}).toxicity == 0.1
    assert new({"type": "noop", "toxicity": 1e-300}).toxicity == 0


def change(toxic, said):
    return toxics.read_change(decode(json.dumps(said).encode()), toxic)


def test_a_change_is_merged():
    toxic = new({"type": "latency", "attributes": {"latency": 5, "jitter": 1}})
    assert change(toxic, {"attributes": {"jitter": 2, "x": 3}, "name": "y"}) == ({"latency": 5, "jitter": 2}, 1.0)
    assert change(toxic, {"toxicity": 0.5}) == ({"latency": 5, "jitter": 1}, 0.5)
    assert change(toxic, None) == ({"latency": 5, "jitter": 1}, 1.0)


def test_a_refused_change_changes_nothing():
    toxic = new({"type": "slicer", "attributes": {"average_size": 5, "size_variation": 1}})
    for said in ({"attributes": {"size_variation": 5}}, {"attributes": {"average_size": 9, "delay": 1.5}}):
        assert why(change, toxic, said)[0] == 400
    assert toxic.attributes == {"average_size": 5, "size_variation": 1, "delay": 0}
