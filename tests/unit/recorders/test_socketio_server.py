"""Recording a Socket.IO server, without a network."""

from __future__ import annotations

import pytest
import socketio
from tests.unit.recorders.sio import OfflineServer, run

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders.socketio_server import record_socketio_server

KINDS = [socketio.Server, socketio.AsyncServer]


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture(params=KINDS)
def offline(request):
    return OfflineServer(request.param)


def sends(ledger):
    return [(send.id, send.outcome) for send in ledger.record().sends]


def deliveries(ledger):
    return [delivery.id for delivery in ledger.record().deliveries]


def notes(ledger):
    return [note.text for note in ledger.notes]


def script(offline, *, recorded_by=None):
    """A bit of everything, and all that anybody could see of it, session ids left out."""
    server, seen = offline.server, []
    server.on("connect", lambda _sid, environ: seen.append(environ))
    server.on("tick", lambda _sid, *args: seen.append(args) or "seen")
    server.on("*", lambda event, _sid, *args: seen.append((event, *args)))
    server.on("disconnect", lambda _sid: seen.append("gone"))
    recording = recorded_by(server) if recorded_by else None
    sid = offline.connect()
    for packet in ('21["tick",1]', '2["other"]', '22["other",{}]'):
        offline.receive(packet)
    run(server.emit("tock", 1))
    run(server.emit("tock", (1, 2), to=sid, callback=lambda *args: seen.append(("answer", *args))))
    offline.receive('31["yes"]')
    try:
        offline.call("tock", 2, to=sid, timeout=0.01)
    except socketio.exceptions.TimeoutError as error:
        seen.append(type(error))
    offline.lose("transport close")
    if recording is not None:
        recording.stop()
    return seen, [packet.replace(sid, "SID") for packet in offline.wire.sent]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("arrivals", ["delivery", "send"])
def test_a_recorded_server_does_what_it_does_without(kind, ledger, arrivals):
    plain = script(OfflineServer(kind))
    recorded = script(
        OfflineServer(kind), recorded_by=lambda server: record_socketio_server(server, ledger, arrivals=arrivals)
    )
    assert recorded == plain
    seen, wire = plain
    assert ("answer", "yes") in seen
    assert socketio.exceptions.TimeoutError in seen
    assert '31["seen"]' in wire


def test_what_arrives_is_a_delivery_before_its_handler_runs(offline, ledger):
    offline.server.on("tick", lambda _, number: seen.append((number, deliveries(ledger))))
    seen = []
    record_socketio_server(offline.server, ledger, name="node")
    offline.connect()
    offline.receive('2["tick",1]')
    assert seen == [(1, [1])]
    assert ledger.record().subscribers == ("node",)


def test_what_arrives_can_be_an_attempt_of_a_client_that_sends_again(offline, ledger):
    outcomes = []
    offline.server.on("tick", lambda *_: outcomes.append(ledger.record().sends[-1].outcome))
    record_socketio_server(offline.server, ledger, arrivals="send", events=["tick"])
    offline.connect()
    for _ in range(3):
        offline.receive('21["tick",1]')
    assert outcomes == ["info"] * 3
    assert sends(ledger) == [(1, "ok")] * 3
    assert deliveries(ledger) == []


def test_an_attempt_that_nobody_handles_is_not_acknowledged(offline, ledger):
    record_socketio_server(offline.server, ledger, arrivals="send")
    offline.connect()
    offline.receive('21["tick",1]')
    assert sends(ledger) == [(1, "info")]
    assert ledger.record().sends[0].settled_at is not None


def test_an_attempt_whose_handler_raises_is_not_acknowledged(offline, ledger):
    def fail(*_):
        raise ValueError("no funds")

    offline.server.on("tick", fail)
    record_socketio_server(offline.server, ledger, arrivals="send")
    offline.connect()
    with pytest.raises(ValueError, match="no funds"):
        offline.receive('21["tick",1]')
    assert sends(ledger) == [(1, "info")]


def test_what_the_server_emits_is_a_send(offline, ledger):
    record_socketio_server(offline.server, ledger)
    offline.server.on("tick", lambda *_: None)
    sid = offline.connect()
    run(offline.server.emit("tock", 1))
    run(offline.server.emit("tock", 2, to=sid, callback=lambda: None))
    with pytest.raises(socketio.exceptions.TimeoutError):
        offline.call("tock", 3, to=sid, timeout=0.01)
    assert sends(ledger) == [(1, "ok"), (2, "info"), (3, "info")]
    offline.receive("31[]")
    assert sends(ledger) == [(1, "ok"), (2, "ok"), (3, "info")]


def test_clients_that_come_and_go_are_noted_once(offline, ledger):
    offline.server.on("connect", lambda _sid, _environ: None)
    record_socketio_server(offline.server, ledger, name="node")
    sid = offline.connect()
    offline.lose("transport close")
    assert notes(ledger) == [
        f"socketio server node accepted client {sid}",
        f"socketio server node lost client {sid}: transport close",
    ]


def refuse(*_):
    raise socketio.exceptions.ConnectionRefusedError("go away")


@pytest.mark.parametrize(("handler", "reason"), [(lambda *_: False, ""), (refuse, ": go away")])
def test_clients_that_are_refused_are_noted(offline, ledger, handler, reason):
    offline.server.on("connect", handler)
    record_socketio_server(offline.server, ledger)
    offline.connect()
    (note,) = notes(ledger)
    assert note.startswith("socketio server refused client ")
    assert note.endswith(reason)
    assert any(packet.startswith("4") for packet in offline.wire.sent)


def test_bad_arguments_are_refused(offline, ledger):
    with pytest.raises(TypeError, match=r"takes a socketio.Server or AsyncServer, not 5"):
        record_socketio_server(5, ledger)
    with pytest.raises(ValueError, match="arrivals must be 'delivery' or 'send', not 'both'"):
        record_socketio_server(offline.server, ledger, arrivals="both")
