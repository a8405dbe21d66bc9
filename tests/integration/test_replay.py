"""A test that was recorded runs again, and each fault strikes where it struck then."""

from __future__ import annotations

import json
import re

import pytest

from pytest_netchaos import load_timeline
from pytest_netchaos.report.json_files import file_name

FRAMES = '''
import asyncio, os, socket, threading, time
import pytest
from pytest_netchaos import Cut, Flap
from pytest_netchaos.plan import Plan, Step

SIZE, COUNT = 64, 120

class Server:
    """Answers each frame of 64 bytes with its number."""

    def __init__(self):
        self.got = []
        self.sock = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                served, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(served,), daemon=True).start()

    def serve(self, served):
        with served, served.makefile("rb") as frames:
            try:
                while frame := frames.read(SIZE):
                    self.got.append(int(frame[:8]))
                    served.sendall(frame[:8])
            except (OSError, ValueError):
                pass

def talk(address, count=COUNT, first=0, pause=0.002):
    """Send numbered frames, each once; return the numbers of those that were answered."""
    sock, answered = None, []
    for number in range(first, first + count):
        while sock is None:
            try:
                sock = socket.create_connection(address, 30.0)
            except OSError:
                time.sleep(0.005)
        try:
            sock.sendall(b"%08d" % number + b"." * (SIZE - 8))
            answer = b""
            while len(answer) < 8:
                got = sock.recv(8 - len(answer))
                if not got:
                    raise OSError
                answer += got
            answered.append(number)
        except OSError:
            sock.close()
            sock = None
        time.sleep(pause)
    time.sleep(0.1)  # for a strike right behind the last answer: what was seen is told next
    if sock is not None:
        sock.close()
    return answered

@pytest.fixture
def server():
    made = Server()
    yield made
    made.sock.close()

def tell(link, server, answered):
    with open("said", "a") as file:
        lost = [n for n in range(COUNT) if n not in server.got]
        hits = [(span.hits, span.positions) for span in link.history().faults if span.hits]
        file.write(repr((lost, [n for n in range(COUNT) if n not in answered], hits)) + "\\n")

@pytest.mark.flaky_network(Flap(down=(0.02, 0.06), up=(0.05, 0.15)))
def test_frames(netchaos, server):
    link = netchaos.link(server.sock.getsockname())
    tell(link, server, talk(link.address))

def test_plan(netchaos, server):
    link = netchaos.link(server.sock.getsockname(), name="s")
    netchaos.run(Plan(Step(Cut(), at=0.1, for_=0.02), Step(Cut(), after=0.1, for_=0.02)))
    tell(link, server, talk(link.address))

def test_own(netchaos, server):
    link = netchaos.link(server.sock.getsockname(), name="s")
    answered = []
    client = threading.Thread(target=lambda: answered.extend(talk(link.address)))
    client.start()
    link.wait_for_connection(1)
    time.sleep(float(os.environ.get("PAUSE", "0.1")))
    link.cut().heal()
    client.join()
    tell(link, server, answered)

async def in_a_loop(link):
    reader, writer = await asyncio.open_connection(*link.address)
    for number in range(int(os.environ.get("ROUNDS", "3"))):
        writer.write(b"%08d" % number + b"." * (SIZE - 8))
        await reader.readexactly(8)
    link.cut().heal()
    writer.close()

def test_loop(netchaos, server):
    asyncio.run(in_a_loop(netchaos.link(server.sock.getsockname(), name="s")))

def test_fails(netchaos, server):
    link = netchaos.link(server.sock.getsockname(), name="s")
    talk(link.address, 1)
    assert False
'''

PATIENCE = "--netchaos-timeout=60"


@pytest.fixture
def frames(pytester):
    return pytester.makepyfile(test_wire=FRAMES)


def record(pytester, name):
    """Run a test, and return its recording and what it said."""
    pytester.runpytest(f"test_wire.py::{name}", "--netchaos-timeline=recorded", PATIENCE)
    said = pytester.path / "said"
    lines = said.read_text().splitlines() if said.exists() else [""]
    return pytester.path / "recorded" / file_name(f"test_wire.py::{name}"), lines[-1]


def replay(pytester, file, *more):
    return pytester.runpytest("test_wire.py", f"--netchaos-replay={file}", PATIENCE, *more)


@pytest.mark.usefixtures("frames")
@pytest.mark.parametrize("name", ["test_frames", "test_plan", "test_own"])
def test_the_same_frames_are_lost_each_time(pytester, monkeypatch, name):
    file, first = record(pytester, name)
    assert re.search(r"\(\(1,\), \(Position", first), "no strike met the client"
    monkeypatch.setenv("PAUSE", "0")  # the call of test_own comes early, and waits
    for _ in range(3):
        result = replay(pytester, file, f"-k={name}")
        result.assert_outcomes(passed=1, deselected=4)
        assert (pytester.path / "said").read_text().splitlines()[-1] == first
        result.stdout.no_fnmatch_line("*replay diverged*")


@pytest.mark.usefixtures("frames")
def test_the_seeds_are_those_of_the_recording(pytester):
    file, _ = record(pytester, "test_fails")
    recorded = load_timeline(file)
    result = replay(pytester, file, "-k=test_fails", "--netchaos-seed=5", "--netchaos-timeline=again")
    result.stdout.fnmatch_lines([f"netchaos: *replay of test_wire.py::test_fails, *seed={recorded.run.run_seed}*"])
    again = load_timeline(pytester.path / "again" / file.name)
    assert (again.seed, again.run.run_seed) == (recorded.seed, recorded.run.run_seed)


@pytest.mark.usefixtures("frames")
def test_a_failure_has_a_line_to_paste_and_its_file_stays_as_it_is(pytester):
    options = ["--netchaos-timeout=60", "--netchaos-strict", "--netchaos-profile=fios"]
    result = pytester.runpytest("-k=test_fails", "--netchaos-timeline=recorded", *options)
    file = pytester.path / "recorded" / file_name("test_wire.py::test_fails")
    line = " ".join([f"pytest test_wire.py::test_fails --netchaos-replay=recorded/{file.name}", *options])
    result.stdout.fnmatch_lines([line])
    before = file.read_bytes()
    result = pytester.runpytest(*line.split()[1:], "--netchaos-timeline=recorded")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([line])
    assert file.read_bytes() == before


def change(file, **values):
    data = json.loads(file.read_text())
    file.write_text(json.dumps(data | values))


def refused(result):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    return "\n".join(result.errlines + result.outlines)


@pytest.mark.usefixtures("frames")
def test_a_file_that_cant_be_replayed_is_refused_by_name(pytester):
    file, _ = record(pytester, "test_fails")
    assert "nowhere.json" in refused(replay(pytester, "nowhere.json"))
    assert "needs the embedded engine" in refused(replay(pytester, file, "--netchaos-engine=toxiproxy"))
    change(file, test="test_wire.py::test_gone")
    assert "the recording is of test_wire.py::test_gone, which this run hasn't collected" in refused(
        replay(pytester, file)
    )
    change(file, version=2)
    assert "a timeline of version 2" in refused(replay(pytester, file))
    file.write_text("{")
    assert "is no JSON" in refused(replay(pytester, file))


@pytest.mark.usefixtures("frames")
def test_a_test_with_other_links_fails_by_the_name_of_the_link(pytester):
    file, _ = record(pytester, "test_fails")
    links = json.loads(file.read_text())["links"]
    change(file, links=[link | {"name": "t"} for link in links])
    result = replay(pytester, file, "-k=test_fails")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["*NetchaosError: --netchaos-replay: the recording has no link 's'*its links are 't'*"])


@pytest.mark.usefixtures("frames")
def test_a_place_that_doesnt_come_is_struck_all_the_same_and_told(pytester):
    file, _ = record(pytester, "test_plan")
    text = file.read_text()
    far = re.sub(r'"positions":\[\[(\d+),(\d+)\]\]', '"positions":[[1000000,1000000]]', text)
    assert far != text
    file.write_text(far)
    result = replay(pytester, file, "-k=test_plan", "--netchaos-timeout=0.2")
    result.stdout.fnmatch_lines(["*replay diverged: plan 1 step 1: cut() on link 's'*when recorded"])


@pytest.mark.usefixtures("frames")
def test_a_call_in_an_event_loop_strikes_at_once_and_its_other_place_is_told(pytester, monkeypatch):
    file, _ = record(pytester, "test_loop")
    replay(pytester, file, "-k=test_loop").assert_outcomes(passed=1, deselected=4)
    monkeypatch.setenv("ROUNDS", "2")
    result = replay(pytester, file, "-k=test_loop")
    result.stdout.fnmatch_lines(
        ["*replay diverged: cut() on link 's' met connection 1 after 128 bytes up and 16 down*after 192 bytes up*"]
    )


@pytest.mark.usefixtures("frames")
def test_workers_replay_it_as_well_and_refuse_what_isnt_collected(pytester):
    file, first = record(pytester, "test_plan")
    result = pytester.runpytest("-n2", "-k=test_plan or test_loop", f"--netchaos-replay={file}", PATIENCE)
    result.assert_outcomes(passed=2)
    assert first in (pytester.path / "said").read_text().splitlines()[1:]
    change(file, test="test_wire.py::test_gone")
    assert "test_wire.py::test_gone, which this run hasn't collected" in refused(replay(pytester, file, "-n2"))
