from __future__ import annotations

import pytest
from tests.unit.services.fakes import FakeLink, member

from pytest_netchaos.services.sentinel_files import HASTE, sentinel_file
from pytest_netchaos.services.sentinel_view import View, hasten, offset_of
from pytest_netchaos.services.topology import Place


def pairs(**fields):
    return [word.encode() for name, value in fields.items() for word in (name.replace("_", "-"), value)]


def server(name, port, role):
    return member(name, port, ROLE=role)


def replica_of(port, state=b"connected", offset=100):
    return [b"slave", b"127.0.0.1", port, state, offset]


def sentinel(number, names=1, flags="master", replicas="slave", others="sentinel", link="ok"):
    made = member(f"sentinel-{number}", 20 + number)
    made.server.replies = {
        "SENTINEL MASTER main": pairs(ip="127.0.0.1", port=str(names), flags=flags),
        "SENTINEL REPLICAS main": [pairs(flags=replicas, master_link_status=link)] * 2,
        "SENTINEL SENTINELS main": [pairs(flags=others)],
    }
    return made


@pytest.fixture
def servers():
    return [server("one", 1, [b"master", 100, []]), server("two", 2, replica_of(1)), server("three", 3, replica_of(1))]


@pytest.fixture
def sentinels():
    return [sentinel(1), sentinel(2)]


@pytest.fixture
def view(servers, sentinels):
    return View("main", servers, sentinels)


def test_the_primary_is_whom_all_name(view, servers):
    assert view.primary() is servers[0]


def test_nobody_is_the_primary_while_they_disagree(view, servers, sentinels):
    sentinels[1].server.replies["SENTINEL MASTER main"] = pairs(ip="127.0.0.1", port="2", flags="master")
    assert view.primary() is None
    sentinels[1].server.state = "paused"
    assert view.primary() is servers[0]
    sentinels[0].server.state = "down"
    assert view.primary() is None


@pytest.mark.parametrize(
    "said",
    [
        pairs(ip="127.0.0.1", port="99", flags="master"),
        pairs(ip="127.0.0.1", port="1", flags="master,failover_in_progress"),
        [],
        None,
    ],
)
def test_a_sentinel_that_names_nobody_here_or_is_not_through_disagrees(view, sentinels, said):
    sentinels[0].server.replies["SENTINEL MASTER main"] = said
    assert view.primary() is None


def test_all_is_well(view):
    assert view.is_complete()


@pytest.mark.parametrize(
    "ill",
    [
        {"flags": "master,s_down"},
        {"replicas": "slave,disconnected"},
        {"link": "err"},
        {"others": "sentinel,s_down"},
    ],
)
def test_one_sentinel_that_misses_somebody_is_enough(servers, ill):
    assert not View("main", servers, [sentinel(1), sentinel(2, **ill)]).is_complete()


def test_a_sentinel_that_knows_too_few_is_not_complete(view, sentinels):
    sentinels[0].server.replies["SENTINEL REPLICAS main"].pop()
    assert not view.is_complete()


def test_a_failover_is_seen(view, sentinels):
    assert not view.is_failing_over(sentinels[0])
    sentinels[0].server.replies["SENTINEL MASTER main"] = pairs(flags="master,failover_in_progress")
    assert view.is_failing_over(sentinels[0])


@pytest.mark.parametrize(
    "role",
    [
        replica_of(1, offset=99),
        replica_of(1, state=b"connect"),
        replica_of(3),
        [b"master", 100, []],
        None,
    ],
)
def test_who_does_not_follow_is_named(view, servers, role):
    assert view.stragglers(servers[0], 100) == []
    servers[1].server.replies["ROLE"] = role
    assert view.stragglers(servers[0], 100) == [servers[1]]
    servers[1].server.state = "down"
    assert view.stragglers(servers[0], 100) == []


def test_a_primary_says_how_much_it_has_written(servers):
    assert offset_of(servers[0]) == 100
    assert offset_of(servers[1]) is None
    servers[0].server.state = "down"
    assert offset_of(servers[0]) is None


def test_everybody_is_described(view, servers, sentinels):
    servers[2].server.state = "paused"
    servers[1].server.replies = {}
    sentinels[1].server.state = "down"
    assert view.describe() == (
        "sentinel-1 names one (master); sentinel-2 names nobody: it is down; "
        "one is a primary with 0 replicas at 100; two is silent; three is paused"
    )
    servers[1].server.replies = {"ROLE": replica_of(1)}
    assert "two is a replica of 127.0.0.1:1, connected, at 100" in view.describe()


@pytest.mark.parametrize(
    ("ill", "said"),
    [
        ({"flags": "master,s_down"}, "names one (master,s_down);"),
        (
            {"replicas": "slave,disconnected"},
            "names one (master), sees 2 of 2 replicas (slave,disconnected, slave,disco",
        ),
        ({"link": "err"}, "names one (master), sees 2 of 2 replicas (link err, link err);"),
        ({"others": "sentinel,s_down"}, "names one (master), sees 1 of 1 sentinels (sentinel,s_down);"),
    ],
)
def test_a_description_says_what_a_sentinel_misses(servers, ill, said):
    assert f"sentinel-2 {said}" in View("main", servers, [sentinel(1), sentinel(2, **ill)]).describe()


def test_a_description_counts_whom_a_sentinel_knows(view, sentinels):
    sentinels[0].server.replies["SENTINEL REPLICAS main"].pop()
    assert view.describe().startswith("sentinel-1 names one (master), sees 1 of 2 replicas; ")


def test_a_sentinel_is_told_to_hurry_and_may_not_know_how():
    one = sentinel(1)
    hasten(one)
    assert one.server.calls[0][:4] == ("SENTINEL", "DEBUG", "ping-period", HASTE["ping-period"])


def test_a_sentinel_knows_everybody_by_their_links():
    places = [Place(f"p{n}", n, FakeLink(100 + n)) for n in range(1, 6)]
    text = sentinel_file(1, ["aa", "bb"], places[3:], places[:3], service="main", quorum=2, down_after=0.25)
    lines = text.splitlines()
    assert lines[:5] == [
        "sentinel myid bb",
        "sentinel announce-ip 127.0.0.1",
        "sentinel announce-port 105",
        "sentinel monitor main 127.0.0.1 101 2",
        "sentinel down-after-milliseconds main 250",
    ]
    assert [line for line in lines if "known" in line] == [
        "sentinel known-replica main 127.0.0.1 102",
        "sentinel known-replica main 127.0.0.1 103",
        "sentinel known-sentinel main 127.0.0.1 104 aa",
    ]
