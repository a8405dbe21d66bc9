from __future__ import annotations

import time

import pytest

from pytest_netchaos.addresses import UrlDefaults, upstream
from pytest_netchaos.errors import EngineDied, EngineError, LinkClosed, NetchaosError, PortInUse, UpstreamError
from pytest_netchaos.faults import Cut, Delay, Stall
from pytest_netchaos.history import Outage
from pytest_netchaos.ledger import Ledger
from pytest_netchaos.marking.marker import Standing
from pytest_netchaos.network import Network
from pytest_netchaos.report.text import facts_of
from pytest_netchaos.seeds import derive_seed

DB = "127.0.0.1:5432"


@pytest.fixture
def network(engine):
    return Network(lambda: engine, seed=7, timeout=0.01)


def test_no_engine_is_asked_for_before_the_first_link():
    asked = []
    network = Network(lambda: asked.append(1))
    assert repr(network) == "<network with no links, seed 0>"
    network.note("a note")
    network.heal()
    network.close()
    assert asked == []


def test_a_link_is_opened_as_it_was_asked_for(network, engine):
    link = network.link(DB, name="db", host="127.0.0.2", port=1234)
    assert engine.opened == [("db", upstream(DB), "127.0.0.2", 1234, derive_seed(7, "db"))]
    assert (link.name, link.upstream, link.address) == ("db", DB, ("127.0.0.2", 1234))


def test_a_link_is_by_default_named_after_its_upstream_and_at_a_free_port(network, engine):
    assert network.link(5432).name == DB
    assert engine.opened[0][2:4] == ("127.0.0.1", 0)


def test_the_seed_of_a_link_without_a_name_is_its_place_among_those_not_the_port_of_its_upstream(network, engine):
    for upstream_, name in (5432, None), (5433, "db"), (50123, None):
        network.link(upstream_, name=name)
    assert [opened[4] for opened in engine.opened] == [
        derive_seed(7, "", "1"),
        derive_seed(7, "db"),
        derive_seed(7, "", "2"),
    ]


def test_what_a_server_goes_through_is_an_outage_and_in_the_timeline(network):
    before, now = time.monotonic() - 1, time.monotonic()
    spans = [Outage(before, before, ("kill",)), Outage(now, now + 0.25, ("pause",)), Outage(now + 1, None, ("kill",))]
    network.attend("redis", lambda: spans)
    assert network.outages() == tuple(spans[1:]), "what began before this network was another test's"
    told = ["redis: pause", "redis: back after 0.250 s", "redis: kill"]
    assert [note.text for note in network.all_notes()] == told
    assert [entry.text for entry in network.timeline] == told
    assert network.notes == ()


def test_an_outage_of_a_server_within_one_of_a_link_is_a_part_of_it(network):
    link = network.link(DB)
    with link.cut() as cut:
        network.attend("redis", lambda: [Outage(cut.started_at, cut.started_at, ("kill",))])
    assert [outage.kinds for outage in network.outages()] == [("cut", "kill")]


def test_a_link_knows_who_is_no_client(network, engine):
    network.link(DB, background=["127.0.0.2", "0::1"])
    network.link(DB)
    assert engine.backgrounds == [("127.0.0.2", "::1"), ()]
    with pytest.raises(ValueError, match=r"^background must be IP addresses such as '127\.0\.0\.2', not 'replica'$"):
        network.link(DB, background=["replica"])
    assert len(engine.opened) == 2


def test_a_link_knows_what_its_servers_urls_need(network):
    class Server:
        host, port, url_defaults = "127.0.0.1", 5432, UrlDefaults("u:p", "/3")

    class Odd(Server):
        url_defaults = "something else"

    assert network.link(Server()).url("redis").startswith("redis://u:p@127.0.0.1:")
    assert network.link(Server()).url("redis").endswith("/3")
    assert network.link(Odd()).url("redis").count("/") == 2
    assert "u:p" not in repr(upstream(Server()))


def test_links_to_the_same_upstream_are_numbered(network):
    assert [network.link(DB).name for _ in range(3)] == [DB, f"{DB} #2", f"{DB} #3"]
    assert repr(network) == f"<network with '{DB}', '{DB} #2', '{DB} #3', seed 7>"


def test_a_number_that_was_given_away_as_a_name_is_skipped(network):
    network.link(DB, name=f"{DB} #2")
    assert [network.link(DB).name for _ in range(2)] == [DB, f"{DB} #3"]


def test_the_links_are_known_by_name_in_order(network):
    links = [network.link(DB, name=name) for name in ("b", "a")]
    assert list(network.links.items()) == [("b", links[0]), ("a", links[1])]
    with pytest.raises(TypeError):
        network.links["c"] = links[0]


def test_a_name_can_be_given_to_one_link_only(network, engine):
    network.link(DB, name="db")
    with pytest.raises(ValueError, match=r"^name must be unique in a test, and there is a link 'db' already$"):
        network.link(DB, name="db")
    assert len(engine.opened) == 1


@pytest.mark.parametrize("name", ["", 0, 7, b"db", ["db"]])
def test_what_is_no_name_is_refused(network, engine, name):
    with pytest.raises(ValueError, match=r"^name must be a text that tells links apart, not ") as caught:
        network.link(DB, name=name)
    assert str(caught.value).endswith(repr(name))
    assert engine.opened == []


@pytest.mark.parametrize("port", [-1, 65536, True, "80", 80.0, None])
def test_a_port_that_cannot_be_is_refused(network, engine, port):
    with pytest.raises(
        ValueError, match=r"^port must be a whole number from 0 \(a free one\) to 65535, not "
    ) as caught:
        network.link(DB, port=port)
    assert str(caught.value).endswith(repr(port))
    assert engine.opened == []


def test_a_bad_upstream_starts_no_engine():
    network = Network(lambda: pytest.fail("an engine was started"))
    with pytest.raises(UpstreamError):
        network.link("nowhere")


def test_a_link_that_could_not_be_opened_is_none(network, engine):
    engine.fails_with = PortInUse("taken")
    with pytest.raises(PortInUse):
        network.link(DB, name="db")
    assert dict(network.links) == {}
    engine.fails_with = None
    assert network.link(DB, name="db").name == "db"


def test_each_link_has_the_engine_of_its_moment(engine):
    engines = [engine, type(engine)()]
    source = iter(engines)
    network = Network(lambda: next(source))
    network.link(1)
    network.link(2)
    assert [len(each.opened) for each in engines] == [1, 1]


def test_heal_takes_back_every_fault_of_every_link(network, engine):
    faults = [network.link(n).inject(fault) for n, fault in [(1, Cut()), (2, Stall())]]
    before = time.monotonic()
    at = network.heal()
    assert [fault.was_healed for fault in faults] == [True, True]
    assert before <= at <= time.monotonic()
    assert at == max(fault.heal() for fault in faults)


def test_the_timeline_has_everything_in_order(network, engine):
    first = network.note("begin")
    link = network.link(DB, name="db")
    with link.cut():
        pass
    ledger = Ledger()
    ledger.sent("a")
    ledger.note("the client gave up")
    network.keep(ledger)
    last = network.note("end")
    assert first <= last
    assert [(e.link, e.kind) for e in network.timeline] == [
        ("", "note"), ("db", "fault"), ("db", "heal"), ("", "sent"), ("", "note"), ("", "note"),
    ]  # fmt: skip
    assert [e.text for e in network.timeline.kinds("note")] == ["begin", "the client gave up", "end"]
    assert network.ledgers == (ledger,)


def test_outages_of_all_links_are_merged(network):
    a, b = network.link(1), network.link(2)
    with a.cut(), b.stall(), b.delay(0.1):
        pass
    b.cut()
    first, second = network.outages()
    assert first.kinds == ("cut", "stall")
    assert (second.kinds, second.healed_at) == (("cut",), None)


def test_a_dead_engine_can_be_recalled_and_no_longer_asked(network, engine):
    network.link(DB).cut()
    engine.links[0].fails_with["history"] = EngineDied("gone")
    with pytest.raises(EngineDied):
        network.timeline  # noqa: B018 - the access is the test
    assert [entry.kind for entry in network.recall()] == ["fault"]


def test_the_story_of_a_dead_engine_has_the_outages_of_servers(network, engine):
    network.link(DB)
    now = time.monotonic()
    network.attend("redis", lambda: [Outage(now, now + 1, ("kill",))])
    network.keep(Ledger(network.outages))
    engine.links[0].fails_with["history"] = EngineDied("gone")
    facts = facts_of(network)
    assert [outage.kinds for outage in facts.ledgers[0].record.outages] == [("kill",)]
    assert facts.first_fault == now


def test_a_closed_network_has_closed_links_and_makes_no_new_ones(network, engine):
    links = [network.link(n) for n in (1, 2)]
    network.close()
    network.close()
    assert [each.calls for each in engine.links] == [[("close",)], [("close",)]]
    with pytest.raises(LinkClosed, match=r"^netchaos\.link\(\) after the end of the test"):
        network.link(3)
    with pytest.raises(LinkClosed):
        links[0].cut()
    assert len(network.timeline) == 0


def test_a_dead_engine_is_told_when_every_link_was_closed(network, engine):
    for n in (1, 2, 3):
        network.link(n)
    engine.links[0].fails_with["close"] = EngineDied("first")
    engine.links[1].fails_with["close"] = EngineDied("second")
    with pytest.raises(EngineDied, match=r"^first$"):
        network.close()
    assert [each.calls for each in engine.links] == [[("close",)]] * 3


def test_an_engine_that_died_unnoticed_is_told_at_the_end(network, engine):
    network.link(DB)
    engine.stop()
    with pytest.raises(EngineDied, match=r"^checked, and dead$"):
        network.close()


def test_troubles_that_the_test_could_not_see_are_told_at_the_end(network, engine):
    network.link(1, name="a")
    network.link(2, name="b")
    engine.links[0].log.troubles += ["no port", "no file"]
    engine.links[1].log.troubles.append("no luck")
    with pytest.raises(EngineError) as caught:
        network.close()
    assert str(caught.value) == "link 'a': no port; link 'a': no file; link 'b': no luck"


def test_a_marker_that_names_a_link_speaks_for_a_test_that_passed(engine):
    standing = Standing((Cut(),), ("cahce",))
    for passed in (False, True):
        network = Network(lambda: engine, standing=(standing,))
        network.link(DB, name="db")
        if passed:
            with pytest.raises(NetchaosError, match="names the link 'cahce', which this test never made"):
                network.close()
        else:
            network.close(passed=False)
        assert engine.links[-1].calls == [("close",)]


def test_every_link_is_closed_although_one_refuses(network, engine):
    for n in (1, 2):
        network.link(n)
    engine.links[0].fails_with["close"] = EngineError("the relay refused 'unlink'")
    with pytest.raises(EngineError, match="refused"):
        network.close()
    assert engine.links[1].calls == [("close",)]


@pytest.mark.parametrize(
    ("seed", "names", "derived"),
    [
        (0, (), 4761921975702974394),
        (7, ("redis",), 1012413217213848838),
        (7, ("a", "b"), 8027847122966694528),
    ],
)
def test_a_derived_seed_never_changes(seed, names, derived):
    assert derive_seed(seed, *names) == derived


def test_derived_seeds_differ_and_fit_where_seeds_are_written_down():
    cases = [(0,), (1,), (0, ""), (0, "a"), (0, "b"), (0, "a", "b"), (0, "ab"), (0, "b", "a"), (0, "é\udcff")]
    seeds = [derive_seed(*case) for case in cases]
    assert len(set(seeds)) == len(cases)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_default_timeout_is_that_of_the_network(network, engine):
    link = network.link(DB)
    fault = link.inject(Delay(0.1))
    with pytest.raises(TimeoutError):
        fault.wait()
    with pytest.raises(TimeoutError, match=r"waited 0\.01 s"):
        link.wait_for_dial()
