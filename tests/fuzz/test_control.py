from __future__ import annotations

import contextlib
import os
import random
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.fuzz.messages import WILD_NUMBERS, commands

from pytest_netchaos.engines.ports import listen
from pytest_netchaos.relay.wire import LONGEST_LINE, encode

EXAMPLES = settings(
    max_examples=int(os.environ.get("NETCHAOS_FUZZ", "60")),
    deadline=None,
    derandomize="NETCHAOS_FUZZ" not in os.environ,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
LINKS = (2, 3, 4)


@pytest.fixture
def clean(relay):
    """Begin and end without a link but the healthy one, and without a descriptor too many."""
    descriptors = relay.descriptors()

    def clean_up():
        relay.say(b"".join(encode("unlink", 1, link) for link in LINKS))
        relay.carries()
        relay.settle(descriptors)

    clean_up()
    return clean_up


@pytest.fixture
def links(relay, clean):
    """Make the links that messages name."""

    def make():
        for link in LINKS[:2]:
            relay.open(link)

    yield make
    clean()


@pytest.fixture
def descriptors():
    """A few of each kind that may come along: files, pipes, sockets that don't listen, and some that do."""
    with contextlib.ExitStack() as stack:
        null = stack.enter_context(Path(os.devnull).open("rb"))
        pair = [stack.enter_context(sock) for sock in socket.socketpair()]
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        unbound = stack.enter_context(socket.socket())
        listener, keeper = (stack.enter_context(sock) for sock in listen("127.0.0.1", 0))
        other, its_keeper = (stack.enter_context(sock) for sock in listen("127.0.0.1", 0))
        yield [each.fileno() for each in (null, *pair, udp, unbound, listener, keeper, other, its_keeper)]


def test_no_sequence_of_commands_ends_it_and_what_is_refused_has_a_reason(relay, links, clean, descriptors):
    which = st.lists(st.integers(0, len(descriptors) - 1), max_size=4)

    @EXAMPLES
    @given(st.lists(st.tuples(commands(), which), min_size=1, max_size=6))
    def run(sequence):
        links()
        for command, brought in sequence:
            answers = relay.say(encode(*command), [descriptors[index] for index in brought])
            refusals = [answer for answer in answers if answer[0] == "no"]
            assert all(len(refusal) == 3 and len(refusal[2]) > 10 for refusal in refusals), refusals
            assert len(refusals) + sum(answer[0] == "ok" for answer in answers) == 1, answers
        clean()

    run()


def test_no_bytes_end_it(relay, links, clean):
    valid = [
        encode("sync", 1),
        encode("fault", 1, 2, 1, 7, "delay", "both", 1.0, "0.2,0.1", "once", "inf"),
        encode("fault", 2, 3, 1, 7, "slice", "upstream", 0.5, "10,5,0.1", "flap", 0.1, 0.2, 0.1, 0.2, 3),
        encode("fault", 6, 2, 2, 7, "cut", "both", 1.0, "", "once", 0.1, "when", "connection", 1),
        encode("fault", 7, 3, 3, 7, "stall", "both", 1.0, "", "once", "inf", "when", "bytes", 1000, "upstream", 2),
        encode("heal", 3, 2, 1),
        encode("unlink", 4, 3),
        encode("link", 5, 4, "127.0.0.2", *relay.server),
    ]
    for seed in range(int(os.environ.get("NETCHAOS_FUZZ", "200"))):
        rng = random.Random(seed)
        if seed % 20 == 0:
            clean()
            links()
        relay.say(mutated(b"".join(rng.choices(valid, k=4)), rng) + b"\n")


def mutated(data, rng):
    """Change, drop, double and insert a few bytes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                del data[place : place + rng.randint(1, 10)]
            case 2:
                data[place:place] = data[place : place + rng.randint(1, 20)]
            case 3:
                data[place:place] = rng.choice([b"\t", b"\n", b"\\", b"\xff", b"\0", b"-", b"e9", b"nan", b"9" * 400])
            case 4:
                data[place:place] = rng.randbytes(rng.randint(1, 30))
        data = data or bytearray(b"\n")
    return bytes(data)


@pytest.mark.parametrize("piece", [b"x", b"\t", b"\xff", b"fault\t1\t2\t"])
def test_a_message_without_an_end_is_refused_and_the_next_one_is_heard(relay, clean, piece):
    endless = piece * (2 * LONGEST_LINE // len(piece))
    answers = relay.say(endless + b"\n" + encode("sync", "next"))
    assert [answer[0] for answer in answers] == ["no", "ok"]
    assert "without an end" in answers[0][2]


@pytest.mark.parametrize("cut", [1, 3, 7])
def test_a_message_in_many_pieces_is_one(relay, clean, cut):
    message = encode("fault", 1, 99, 1, 7, "cut", "both", 1.0, "", "once", "inf")
    with contextlib.suppress(BlockingIOError):
        for start in range(0, len(message) - 1, cut):
            relay._channel.send(message[start : min(start + cut, len(message) - 1)])
    assert [answer[0] for answer in relay.say(b"\n")] == ["no"]


FIELDS = ("link", "fault", "seed", "fault", "direction", "toxicity", "delay", "window", "window")
GOOD = ("2", "1", "7", "delay", "both", "1.0", "0.01,0.0", "once", "inf")


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        *((place, wrong) for place in (0, 1, 2) for wrong in ("", "x", "1.5", "nan")),
        *((3, wrong) for wrong in ("", "dance", "DELAY")),
        *((4, wrong) for wrong in ("", "down", "Both")),
        *((5, wrong) for wrong in ("", "x", "nan", "-0.1", "1.1", "inf", "5")),
        *((6, wrong) for wrong in ("", "x,y", "1", "1,2,3", "nan,0", "inf,0", "-1,0", "0,-1", "1e400,0", "1e300,0")),
        *((7, wrong) for wrong in ("", "twice", "ONCE")),
        *((8, wrong) for wrong in ("", "x", "nan", "-1")),
    ],
)
def test_a_fault_that_is_refused_is_not_in_force(relay, links, place, wrong):
    links()
    bad = [*GOOD[:place], wrong, *GOOD[place + 1 :]]
    ((kind, _, reason),) = relay.say(encode("fault", 1, *bad))
    assert kind == "no"
    assert FIELDS[place] in reason, reason
    relay.carries(2)
    assert relay.say(encode("heal", 2, 2, 1)) == [["ok", "2"]], "and nothing is to be healed"
    assert [answer[0] for answer in relay.say(encode("fault", 3, *GOOD))] == ["ok"]


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        ("slice", "0,0,0", "size"),
        ("slice", "", "size"),
        ("slicer", "0,0,0", "size"),
        ("slicer", "10,10,0", "variation"),
        ("slicer", "10,-1,0", "variation"),
        ("slicer", "10,0,-1", "pause"),
        ("slicer", "1e400,0,0", "size"),
        ("bandwidth", "-1", "rate"),
        ("throttle", "nan", "rate"),
        ("latency", "-1,0", "latency"),
        ("latency", "0,-1", "jitter"),
        ("timeout", "-1", "timeout"),
        ("reset_peer", "nan", "timeout"),
        ("limit_data", "-1", "bytes"),
        ("limit", "inf", "bytes"),
        ("slow_close", "-1", "delay"),
    ],
)
def test_numbers_that_would_end_or_hang_it_are_refused_by_name(relay, links, kind, values, named):
    links()
    ((answer, _, reason),) = relay.say(encode("fault", 1, 2, 1, 7, kind, "both", 1.0, values, "once", "inf"))
    assert answer == "no"
    assert kind in reason
    assert named in reason
    relay.carries(2)


@pytest.mark.parametrize("seconds", ["1e9", "1e10", "1e20"])
@pytest.mark.parametrize("kind", ["delay", "slow_close", "timeout", "reset_peer"])
def test_no_time_is_too_long_for_the_loop(relay, links, kind, seconds):
    links()
    values = seconds + ",0" * (kind == "delay")
    answers = relay.say(encode("fault", 1, 2, 1, 7, kind, "upstream", 1.0, values, "once", "inf"))
    assert [answer[0] for answer in answers] == ["ok"]
    with socket.create_connection(("127.0.0.1", relay.ports[2])) as client:
        client.sendall(b"late")
        client.shutdown(socket.SHUT_WR)
        relay.carries()
        relay.say(b"")


@pytest.mark.parametrize(
    "windows",
    [
        ("flap", 0, 0, 0, 0, 0),
        ("flap", 1, 1, 1, 1),
        ("flap", 1, 1, 1, 1, -1),
        ("flap", 1, 1, 1, 1, "x"),
        ("flap", -1, 1, 1, 1, 1),
        ("flap", 1, "nan", 1, 1, 1),
        ("flap", 1, 1, "inf", "inf", 0),
        ("flap", 2, 1, 1, 1, 0),
        ("flap", 1, 1, 1, 1, 1, 1),
        ("once",),
        ("once", 1, 1),
        (),
    ],
)
def test_a_rhythm_that_is_none_is_refused(relay, links, windows):
    links()
    ((answer, _, reason),) = relay.say(encode("fault", 1, 2, 1, 7, "cut", "both", 1.0, "", *windows))
    assert answer == "no"
    assert "window" in reason
    relay.carries(2)


@pytest.mark.parametrize(
    ("trigger", "named"),
    [
        ((), "kind"),
        (("connection",), "kind"),
        (("connection", 0), "number"),
        (("connection", "x"), "number"),
        (("dial", -1), "number"),
        (("dial", 1, 1), "kind"),
        (("dance", 1), "dance"),
        (("bytes", 1), "bytes"),
        (("bytes", -1, "upstream", 1), "number"),
        (("bytes", 1, "both", 1), "direction"),
        (("bytes", 1, "upstream", 0), "connection"),
        (("bytes", 1, "upstream", "nan"), "connection"),
    ],
)
def test_a_trigger_that_is_none_is_refused_and_its_fault_never_comes(relay, links, trigger, named):
    links()
    fault = ("fault", 1, 2, 1, 7, "cut", "both", 1.0, "", "once", "inf")
    ((answer, _, reason),) = relay.say(encode(*fault, "when", *trigger))
    assert answer == "no"
    assert named in reason
    relay.carries(2)
    assert [answer[0] for answer in relay.say(encode(*fault, "when", "dial", 1000))] == ["ok"], "its id is free"
    relay.carries(2)


def test_a_trigger_that_has_passed_is_refused_and_says_what_was_seen(relay, links):
    links()
    relay.carries(2)
    fault = ("fault", 1, 2, 1, 7, "cut", "both", 1.0, "", "once", "inf", "when")
    for trigger in (("connection", 1), ("dial", 1), ("bytes", 0, "upstream", 1)):
        answer, _, reason = relay.say(encode(*fault, *trigger))[-1]
        assert answer == "no"
        assert reason.startswith("Passed: ")
    relay.carries(2)


@pytest.mark.parametrize(
    ("upstream", "named"),
    [
        (("4", "localhost", "80"), "localhost"),
        (("4", "::1", "80"), "::1"),
        (("6", "127.0.0.1", "80"), "127.0.0.1"),
        (("4", "127.0.0.1", "65536"), "65536"),
        (("4", "127.0.0.1", "-1"), "-1"),
        (("4", "127.0.0.1", "x"), "x"),
        (("4", "127.0.0.1"), "upstream"),
        (("5", "127.0.0.1", "80"), "5"),
        (("u", "a\0b", "0"), "path"),
        (("u", "x" * 200, "0"), "path"),
        (("u", "", "0"), "path"),
    ],
)
def test_a_link_whose_upstream_cannot_be_dialled_is_refused_and_its_descriptors_closed(relay, clean, upstream, named):
    before = relay.descriptors()
    listener, keeper = listen("127.0.0.1", 0)
    with listener, keeper:
        fds = [listener.fileno(), keeper.fileno()]
        ((answer, _, reason),) = relay.say(encode("link", 1, 2, "", *upstream), fds)
    assert answer == "no"
    assert named in reason
    assert relay.descriptors() == before
    relay.open(2)
    relay.carries(2)
    clean()


@pytest.mark.parametrize(
    "brought", [(), (0,), (5,), (0, 0), (1, 2), (3, 3), (4, 4), (5, 0), (6, 5), (5, 6, 7), (5, 6, 0), (5, 4), (5, 3)]
)
def test_descriptors_that_make_no_link_are_closed_and_named(relay, clean, descriptors, brought):
    before = relay.descriptors()
    command = encode("link", 1, 2, "", *relay.server)
    ((answer, _, reason),) = relay.say(command, [descriptors[index] for index in brought])
    assert answer == "no"
    assert "descriptor" in reason
    assert relay.descriptors() == before
    relay.open(2)
    relay.carries(2)
    clean()


def test_descriptors_that_nobody_wants_are_closed(relay, clean, descriptors):
    before = relay.descriptors()
    for command in (encode("sync", 1), encode("dance", 1), encode("heal", 1, 9, 9), b"\n", b"\xff\n"):
        relay.say(command, descriptors)
        assert relay.descriptors() == before


def test_more_descriptors_than_one_message_may_bring_are_closed(relay, clean):
    before = relay.descriptors()
    with Path(os.devnull).open("rb") as null:
        relay.say(encode("sync", 1), [null.fileno()] * 250)
    assert relay.descriptors() == before


def test_a_link_or_a_fault_is_made_once(relay, links):
    links()
    listener, keeper = listen("127.0.0.1", 0)
    with listener, keeper:
        fds = [listener.fileno(), keeper.fileno()]
        ((answer, _, reason),) = relay.say(encode("link", 1, 2, "", *relay.server), fds)
    assert (answer, "link '2'" in reason) == ("no", True)
    relay.carries(2)
    fault = encode("fault", 1, 2, 1, 7, "delay", "both", 1.0, "0.01,0", "once", "inf")
    assert [answer[0] for answer in relay.say(fault)] == ["ok"]
    ((answer, _, reason),) = relay.say(fault)
    assert (answer, "fault 1" in reason) == ("no", True)


def test_what_only_a_tap_does_is_refused_elsewhere(relay, links):
    links()
    for command in (("gulp", 1, 2, 1), ("flight", 1, 2)):
        ((answer, _, reason),) = relay.say(encode(*command))
        assert answer == "no"
        assert "tap" in reason


def test_a_reason_is_short_whatever_it_quotes(relay, links):
    links()
    for field in (*WILD_NUMBERS, "x" * 500_000):
        ((answer, _, reason),) = relay.say(encode("heal", 1, field, "x"))
        assert answer == "no"
        assert len(reason) < 300
