from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.services.docker.owner import Owner
from pytest_netchaos.services.toxiproxy import names

HERE = Owner.here("c0ffee", "gw0")


def test_a_name_says_whose_a_proxy_is():
    name = names.name(names.label(HERE), 7, "db")
    assert re.fullmatch(rf"netchaos-c0ffee-gw0-{HERE.pid}-{HERE.started}-[0-9a-f]{{16}}-7-db", name)
    assert names.owner_of(name) == HERE


@given(st.text(), st.text(), st.text())
def test_any_name_fits_into_a_url_and_is_understood(run, worker, link):
    name = names.name(names.label(dataclasses.replace(HERE, run=run, worker=worker)), 1, link)
    assert re.fullmatch(r"[\w.-]+", name, re.ASCII)
    owner = names.owner_of(name)
    if link:  # a link without a name there is not
        assert owner is not None
        assert (owner.pid, owner.started, owner.host) == (HERE.pid, HERE.started, HERE.host)


def test_another_host_is_nobody_we_could_judge(dead):
    assert names.owner_of(names.name(names.label(dead), 1, "db")).is_dead()
    elsewhere = dataclasses.replace(dead, host="elsewhere/boot/1")
    owner = names.owner_of(names.name(names.label(elsewhere), 1, "db"))
    assert owner.host == ""
    assert not owner.is_dead()


@pytest.mark.parametrize("started", ["", "Mon Jan  1 12:00:00 2024"])
def test_where_a_start_is_no_number_nobody_is_judged(dead, started):
    name = names.name(names.label(dataclasses.replace(dead, started=started)), 1, "db")
    assert names.owner_of(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "redis",
        "netchaos",
        "netchaos-1-2-3-4",
        "netchaos-run-main-12-db",
        "netchaos-run-gw0-x-5-0123456789abcdef-1-db",
    ],
)
def test_names_of_others(name):
    assert names.owner_of(name) is None


@given(st.text() | st.from_regex(names._LABEL))
def test_a_strange_name_never_names_a_dead_owner_here(name):
    owner = names.owner_of(name)
    assert owner is None or not owner.is_dead()
