"""The port that a link listens at."""

from __future__ import annotations

import socket

import pytest

from pytest_netchaos import PortInUse


def test_a_port_of_ones_own_choice_is_listened_at(netchaos):
    with socket.socket() as chosen:
        chosen.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
        link = netchaos.link(1, port=port)
    assert link.address == ("127.0.0.1", port)


def test_a_port_in_use_is_refused_by_its_number_and_nothing_is_left_of_the_link(netchaos):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"can't listen at 127\.0\.0\.1 port {port}: .* port=0 takes a free one"):
            netchaos.link(1, port=port)
    assert netchaos.links == {}


def test_a_link_can_have_the_port_that_another_one_has_given_back(netchaos):
    first = netchaos.link(1, name="first")
    first.shut()
    second = netchaos.link(1, name="second", port=first.port)
    assert second.address == first.address


def test_a_link_leads_to_another_link(worlds, netchaos, engine):
    world = worlds()
    outer = netchaos.link(world.link, name="outer")
    client, server = world.dial(outer), world.accept()
    client.send(b"through both")
    assert server.receives(b"through both")
    with world.link.cut():
        assert client.ends_with() == ("RST" if engine.startswith("embedded") else "FIN")  # Toxiproxy passes no RST on


def test_links_with_one_port_at_two_addresses_are_told_apart(worlds, netchaos):
    world = worlds()
    other = netchaos.link(world.listener.getsockname(), name="other", host="127.0.0.5", port=world.link.port)
    with world.link.cut(), other.cut():
        assert world.dial_fails_with() == "ECONNREFUSED"
        world.link.wait_for_dial(1)
        with pytest.raises(ConnectionRefusedError):
            world.dial(other)
        other.wait_for_dial(1)
    assert [len(link.dials) for link in (world.link, other)] == [1, 1]
