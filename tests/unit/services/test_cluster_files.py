from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services.fakes import FakeLink

from pytest_netchaos.services.cluster_files import SLOTS, Seat, Seen, node_file, parse_nodes, share_out
from pytest_netchaos.services.topology import Place

SEATS = [
    Seat(Place(f"cluster-{n}", 7000 + n, FakeLink(8000 + n)), 9000 + n, str(n) * 40, "ab"[n - 1] * 40, slots)
    for n, slots in enumerate(share_out(2), 1)
]


@given(st.integers(1, 100))
def test_the_slots_are_shared_out_evenly_and_completely(count):
    shares = share_out(count)
    assert [slot for share in shares for slot in share] == list(range(SLOTS))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_node_starts_as_the_replica_of_its_predecessor():
    a, b, one, two = "a" * 40, "b" * 40, "1" * 40, "2" * 40
    assert node_file(1, SEATS, 6999).splitlines() == [
        f"{one} 127.0.0.1:8001@9001 slave {a} 0 0 1 connected",
        f"{a} 127.0.0.1:6999@6999 master - 0 0 1 connected 0-8191",
        f"{two} 127.0.0.1:8002@9002 myself,slave {b} 0 0 2 connected",
        f"{b} 127.0.0.1:6999@6999 master - 0 0 2 connected 8192-16383",
        "vars currentEpoch 2 lastVoteEpoch 0",
    ]


SAID = """\
1a 127.0.0.1:8001@9001,name,shard-id=7 myself,master - 0 0 1 connected 0-10 12 [13->-2b]
2b 127.0.0.1:8002@9002 master,fail? - 0 0 2 connected 11
3c 127.0.0.1:8003@9003 master - 1 0 3 disconnected
4d :0@0 slave,noaddr 1a 0 0 1 connected
"""


def test_what_a_node_says_of_the_others():
    assert parse_nodes(SAID) == {
        "1a": Seen(frozenset({"myself", "master"}), is_connected=True, slots=12),
        "2b": Seen(frozenset({"master", "fail?"}), is_connected=True, slots=1),
        "3c": Seen(frozenset({"master"}), is_connected=False, slots=0),
        "4d": Seen(frozenset({"slave", "noaddr"}), is_connected=True, slots=0),
    }
    assert parse_nodes("") == {}


@pytest.mark.parametrize(("id_", "is_well"), [("1a", True), ("2b", False), ("3c", False), ("4d", False)])
def test_a_node_is_well_if_nobody_thinks_otherwise(id_, is_well):
    assert parse_nodes(SAID)[id_].is_well is is_well
