from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_netchaos.services import kernel
from pytest_netchaos.services.docker import owner as owner_module
from pytest_netchaos.services.docker.owner import Owner

HERE = Owner.here("run", "gw0")
HOST = "vm/0123456789abcdef/7cc208ad/4026531836"


def test_its_labels_name_it():
    assert Owner.from_labels(HERE.labels()) == HERE
    assert Owner.from_labels(HERE.labels_now()) == HERE
    assert all(name.startswith("pytest-netchaos.") for name in HERE.labels_now())
    assert HERE.labels_now()["pytest-netchaos.started"].startswith("20")


@given(st.builds(Owner, run=st.text(), worker=st.text(), pid=st.integers(), started=st.text(), host=st.text()))
def test_any_owner_can_be_read_back(owner):
    assert Owner.from_labels(owner.labels()) == owner


@given(st.dictionaries(st.sampled_from([*HERE.labels(), "other"]), st.text()))
def test_strange_labels_never_name_a_dead_owner_here(labels):
    owner = Owner.from_labels(labels)
    assert owner is None or not owner.is_dead()


def test_labels_of_others():
    assert Owner.from_labels({}) is None
    assert Owner.from_labels({"com.docker.compose.project": "x"}) is None
    assert Owner.from_labels({**HERE.labels(), "pytest-netchaos.owner-pid": "one"}) is None


def test_this_process_lives():
    assert not HERE.is_dead()


def test_a_pid_that_was_given_out_again():
    assert replace(HERE, started="1").is_dead()


def ended():
    process = subprocess.Popen([sys.executable, "-c", ""])
    owner = replace(HERE, pid=process.pid, started=kernel.started(process.pid) or "1")
    process.wait()
    return owner


def test_a_process_that_has_ended():
    assert ended().is_dead()


def test_a_process_that_nobody_has_waited_for():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(HERE, pid=process.pid, started=kernel.started(process.pid))
    assert not owner.is_dead()
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner.is_dead()
    process.wait()


NAME, MACHINE, BOOT, PIDS = range(4)


def elsewhere(*parts):
    """A host that differs from this one in that."""
    words = HOST.split("/")
    for part in parts:
        words[part] = "other"
    return "/".join(words)


@pytest.fixture
def known(monkeypatch):
    """A machine that has an id; one that runs in a container may have none."""
    monkeypatch.setattr(kernel, "this_host", lambda: HOST)
    monkeypatch.setattr(owner_module, "this_host", lambda: HOST)
    return replace(ended(), host=HOST)


@pytest.mark.parametrize(
    "parts",
    [[NAME], [MACHINE], [PIDS], [NAME, BOOT], [MACHINE, BOOT], [NAME, MACHINE], [NAME, MACHINE, BOOT, PIDS]],
)
def test_owners_elsewhere_are_never_judged(known, parts):
    """On another machine, also one that was cloned or has this one's name; in another container."""
    assert known.is_dead()
    assert not replace(known, host=elsewhere(*parts)).is_dead()


@pytest.mark.parametrize("parts", [[BOOT], [BOOT, PIDS]])
def test_owners_before_the_last_boot_are_dead(known, parts):
    """Whoever has their pids now."""
    assert replace(known, host=elsewhere(*parts)).is_dead()
    assert replace(HERE, host=elsewhere(*parts)).is_dead()


@pytest.mark.parametrize("here", ["vm//boot/1", "vm/id//1", "vm///"])
@pytest.mark.parametrize("there", ["vm//boot/1", "vm//other/1", "vm/id//1", "vm/id/other/1", "vm///", "vm//", "vm", ""])
def test_a_machine_that_is_not_known_for_certain(monkeypatch, here, there):
    monkeypatch.setattr(kernel, "this_host", lambda: here)
    assert not kernel.has_rebooted(there)


def test_a_machine_s_id_is_not_told():
    machine_id = Path("/etc/machine-id")
    if machine_id.exists() and machine_id.read_text().strip():
        assert machine_id.read_text().strip() not in HERE.host
        assert len(HERE.host.split("/")[MACHINE]) == 16


def test_init_lives():
    assert not replace(HERE, pid=1, started=kernel.started(1)).is_dead()


@pytest.mark.parametrize("pid", [0, -1])
def test_no_process_has_that_pid(pid):
    assert not replace(HERE, pid=pid).is_dead()


def test_a_pid_larger_than_the_kernel_has():
    assert not replace(HERE, pid=2**70).is_dead()


def test_a_process_that_may_not_be_looked_at(monkeypatch):
    monkeypatch.setattr(kernel, "started", lambda _: None)
    monkeypatch.setattr(os, "kill", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert not HERE.is_dead()
