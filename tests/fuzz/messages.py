"""Messages for the control channel, as hypothesis draws them: mostly right, with one or two things wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_netchaos.relay.fault import KINDS

#: What a number may be mistaken for. Those that one field takes, another refuses.
WILD_NUMBERS = (
    "", "0", "1", "-1", "-0.5", "nan", "inf", "-inf", "1e400", "1e308", "5e-324", "9" * 30, "9" * 5000, "x", "0x10",
    "1_0", " 1", "½", "\udcff", "\0", "1,2", ",", "None",
)  # fmt: skip
wild_numbers = st.sampled_from(WILD_NUMBERS) | st.floats().map(repr) | st.integers().map(str)
wild_text = st.text(max_size=20) | st.binary(max_size=8).map(lambda b: b.decode("utf-8", "surrogateescape"))

links = st.sampled_from(["2", "3", "4"])
fault_ids = st.sampled_from(["1", "2", "3"])
directions = st.sampled_from(["both", "upstream", "downstream"])
seconds = st.sampled_from(["0", "0.001", "0.05", "1e-9"])
windows = st.one_of(
    st.tuples(st.just("once"), seconds | st.just("inf")),
    st.tuples(st.just("flap"), seconds, seconds, seconds, seconds, st.sampled_from(["1", "2", "0"])),
    st.lists(wild_numbers, max_size=6).map(tuple),
)
numbers = st.sampled_from(["1", "2", "0", "1000"]) | wild_numbers
triggers = st.one_of(
    st.just(()),
    st.tuples(st.just("when"), st.sampled_from(["connection", "dial"]) | wild_text, numbers),
    st.tuples(st.just("when"), st.just("bytes"), numbers, directions | wild_text, numbers),
    st.lists(wild_text | numbers, max_size=4).map(lambda fields: ("when", *fields)),
)
places = st.lists(st.tuples(numbers, numbers, numbers).map(":".join) | wild_text | st.just("1:0:0"), max_size=3).map(
    ",".join
)
marks = st.one_of(
    st.just(""),
    st.tuples(seconds, st.just("") | seconds, st.sampled_from(["0", "1"]), places).map(";".join),
    st.lists(wild_text | wild_numbers, max_size=5).map(";".join),
)
replays = st.one_of(
    st.just(()),
    st.lists(marks, max_size=3).map(lambda several: ("replay", "0.01", *several)),
    st.lists(wild_text | wild_numbers, max_size=3).map(lambda fields: ("replay", *fields)),
)
values = st.lists(st.sampled_from(["0", "1", "0.01", "100"]) | wild_numbers, max_size=3).map(",".join)
ports = st.sampled_from(["1", "65535"]) | wild_numbers
hosts = st.sampled_from(["127.0.0.1", "::1", "localhost", "256.1.1.1", "/nowhere.sock", "127.0.0.1\0", "x" * 300])
upstreams = st.lists(st.tuples(st.sampled_from(["4", "6", "u", "x", ""]), hosts | wild_text, ports), max_size=2).map(
    lambda several: tuple(part for one in several for part in one)
)

faults = st.tuples(
    links,
    fault_ids,
    st.just("7") | wild_numbers,
    st.sampled_from(KINDS) | wild_text,
    directions | wild_text,
    st.just("1") | wild_numbers,
    values,
).flatmap(lambda fields: st.tuples(windows, triggers, replays).map(lambda more: fields + sum(more, ())))
arguments = {
    "hello": st.just(()),
    "sync": st.just(()),
    "link": st.tuples(links, st.sampled_from(["", "127.0.0.2,::1"])).flatmap(
        lambda fields: upstreams.map(lambda more: fields + more)
    ),
    "tap": st.tuples(links, st.just(""), st.sampled_from("46u"), hosts, ports).flatmap(
        lambda fields: upstreams.map(lambda more: fields + more)
    ),
    "unlink": st.tuples(links | wild_numbers),
    "gulp": st.tuples(links, st.sampled_from("01")),
    "flight": st.tuples(links | wild_numbers),
    "fault": faults,
    "heal": st.tuples(links, fault_ids | wild_numbers),
}


@st.composite
def commands(draw):
    """Draw a command of a known or an unknown name, now and then with a field too many, too few or a wild one."""
    name = draw(st.sampled_from([*arguments, "link", "fault", "fault", "fault"]))
    fields = ["1", *draw(arguments[name])]
    slip = draw(st.sampled_from(["none", "none", "drop", "add", "change", "name"]))
    place = draw(st.integers(0, len(fields) - 1))
    if slip == "drop":
        del fields[place]
    elif slip == "add":
        fields.insert(place, draw(wild_text))
    elif slip == "change":
        fields[place] = draw(wild_numbers | wild_text)
    elif slip == "name":
        name = draw(wild_text)
    return (name, *fields)
