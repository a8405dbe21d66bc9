"""Recording a Socket.IO client. Its packets come by hand; the real network is in the integration tests."""

from __future__ import annotations

import asyncio
import threading

import pytest
import socketio
from tests.unit.recorders.sio import OfflineClient, run

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders.socketio_client import record_socketio

KINDS = [socketio.Client, socketio.AsyncClient]


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture(params=KINDS)
def offline(request):
    return OfflineClient(request.param)


def sends(ledger):
    return [(send.id, send.outcome) for send in ledger.record().sends]


def deliveries(ledger):
    return [delivery.id for delivery in ledger.record().deliveries]


def notes(ledger):
    return [note.text for note in ledger.notes]


def answering(function):
    """Let a handler of the asyncio client be a coroutine function."""

    async def handler(*args):
        return function(*args)

    return handler


def register(client):
    """Every way to register a handler, and what each has been given."""
    calls = []
    wrap = answering if client.is_asyncio_based() else lambda function: function

    class Chat(socketio.AsyncClientNamespace if client.is_asyncio_based() else socketio.ClientNamespace):
        def on_chat(self, *args):
            calls.append(("class", *args))
            return "from the class"

    if client.is_asyncio_based():
        Chat.on_chat = answering(Chat.on_chat)
    client.on("tick", wrap(lambda *args: calls.append(("tick", *args)) or ("seen", *args)))
    client.on("*", wrap(lambda *args: calls.append(("any", *args)) or ["listed"]))
    client.on("disconnect", wrap(lambda *args: calls.append(("disconnect", *args))))
    client.register_namespace(Chat("/chat"))
    client.event(lambda: None)
    return calls


def broken(*_):
    raise LookupError("broken")


def script(offline, *, recorded_by=None):
    """Do a bit of everything, and return all that anybody could see of it."""
    client = offline.client
    seen = register(client)
    recording = recorded_by(client) if recorded_by else None
    results = []

    def attempt(call):
        try:
            results.append(run(call()))
        except Exception as error:
            results.append((type(error), str(error)))

    attempt(lambda: client.emit("early", 1))
    offline.connect()
    attempt(lambda: client.emit("tick", 1))
    attempt(lambda: client.emit("tick", (1, {"a": 2}), callback=lambda *args: results.append(args)))
    attempt(lambda: client.emit("tick", b"bytes", "/", lambda *args: results.append(("positional", *args))))
    attempt(lambda: client.send({"a": [1]}))
    attempt(lambda: client.emit("tick", object()))
    attempt(lambda: client.emit("tick", namespace="/nowhere"))
    attempt(client.emit)
    attempt(lambda: client.call("tick", 5, timeout=0.01))
    for packet in ('31["first"]', "32[]", "399[1]", '2["tick",1,2]', '27["tick"]', '28["other",[]]'):
        attempt(lambda packet=packet: offline.receive(packet))
    client.on("late", broken)
    attempt(lambda: offline.receive('29["late",1]'))
    offline.lose("transport close")
    if recording is not None:
        recording.stop()
    return results, seen, offline.wire.sent


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_client_does_what_it_does_without(kind, ledger):
    plain = script(OfflineClient(kind))
    recorded = script(OfflineClient(kind), recorded_by=lambda client: record_socketio(client, ledger))
    assert recorded == plain
    results, seen, wire = plain
    assert (socketio.exceptions.BadNamespaceError, "/ is not a connected namespace.") in results
    assert ("first",) in results
    assert (LookupError, "broken") in results
    assert ("tick", 1, 2) in seen
    assert '37["seen"]' in wire
    assert len(ledger.record().deliveries) == 2
    assert len(ledger.record().sends) == 5


def test_an_emit_is_ok_when_it_has_returned(offline, ledger):
    record_socketio(offline.client, ledger, name="ann")
    offline.connect()
    run(offline.client.emit("tick", 1))
    run(offline.client.send("hello"))
    assert sends(ledger) == [(1, "ok"), ("hello", "ok")]
    assert {send.sender for send in ledger.record().sends} == {"ann"}


def test_an_emit_is_fail_where_nothing_was_sent(offline, ledger):
    record_socketio(offline.client, ledger)
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        run(offline.client.emit("tick", 1))
    with pytest.raises(socketio.exceptions.BadNamespaceError):
        run(offline.client.call("tick", 2))
    assert sends(ledger) == [(1, "fail"), (2, "fail")]
    assert offline.wire.sent == []


@pytest.mark.parametrize("positional", [False, True])
def test_an_emit_with_a_callback_is_ok_when_that_is_called(offline, ledger, positional):
    record_socketio(offline.client, ledger)
    offline.connect()
    answers = []
    run(
        offline.client.emit("tick", 1, None, answers.append)
        if positional
        else offline.client.emit("tick", 1, callback=answers.append)
    )
    assert sends(ledger) == [(1, "info")]
    offline.receive('31["yes"]')
    assert sends(ledger) == [(1, "ok")]
    assert answers == ["yes"]


def test_an_emit_that_raises_waits_for_no_callback(offline, ledger):
    record_socketio(offline.client, ledger)
    offline.connect()
    with pytest.raises(TypeError):
        run(offline.client.emit("tick", object(), callback=print))
    raised, later = ledger.record(), ledger.record()
    assert [send.outcome for send in later.sends] == ["info"]
    assert raised.sends[0].settled_at == later.sends[0].settled_at < raised.now


def test_a_coroutine_function_is_awaited_as_a_callback(ledger):
    offline = OfflineClient(socketio.AsyncClient)
    record_socketio(offline.client, ledger)
    offline.connect()
    answers = []

    async def answered(answer):
        await asyncio.sleep(0)
        answers.append(answer)

    run(offline.client.emit("tick", 1, callback=answered))
    offline.receive('31["yes"]')
    assert (answers, sends(ledger)) == (["yes"], [(1, "ok")])


def test_a_call_is_ok_when_it_is_answered(ledger):
    offline = OfflineClient(socketio.Client)
    record_socketio(offline.client, ledger)
    offline.connect()
    offline.client.eio.send = lambda _: threading.Thread(target=offline.receive, args=('31["yes"]',)).start()
    assert offline.client.call("tick", 1, timeout=20) == "yes"
    assert sends(ledger) == [(1, "ok")]


def test_an_asyncio_call_is_ok_when_it_is_answered(ledger):
    offline = OfflineClient(socketio.AsyncClient)
    record_socketio(offline.client, ledger)
    offline.connect()

    async def answered():
        call = asyncio.create_task(offline.client.call("tick", 1, timeout=20))
        while not offline.wire.sent:  # noqa: ASYNC110 - the fake tells nobody
            await asyncio.sleep(0)
        await offline.client._handle_eio_message('31["yes"]')
        return await call

    assert asyncio.run(answered()) == "yes"
    assert sends(ledger) == [(1, "ok")]


def test_a_call_that_has_timed_out_stays_unclear_though_its_answer_comes(offline, ledger):
    record_socketio(offline.client, ledger)
    offline.connect()
    with pytest.raises(socketio.exceptions.TimeoutError):
        run(offline.client.call("tick", 1, timeout=0.01))
    offline.receive("31[]")
    assert sends(ledger) == [(1, "info")]


def test_an_emit_after_a_call_is_recorded_again(ledger):
    offline = OfflineClient(socketio.AsyncClient)
    record_socketio(offline.client, ledger)
    offline.connect()

    async def both():
        with pytest.raises(socketio.exceptions.TimeoutError):
            await offline.client.call("tick", 1, timeout=0.01)
        with pytest.raises(TypeError):
            await offline.client.call(nonsense=1)
        await offline.client.emit("tick", 2)

    asyncio.run(both())
    assert sends(ledger) == [(1, "info"), (2, "ok")]


def test_an_emit_of_another_task_is_recorded_while_a_call_waits(ledger):
    offline = OfflineClient(socketio.AsyncClient)
    record_socketio(offline.client, ledger)
    offline.connect()

    async def both():
        call = asyncio.create_task(offline.client.call("tick", 1, timeout=20))
        while not offline.wire.sent:  # noqa: ASYNC110 - the fake tells nobody
            await asyncio.sleep(0)
        await offline.client.emit("tick", 2)
        await offline.client._handle_eio_message("31[]")
        await call

    asyncio.run(both())
    assert sends(ledger) == [(1, "ok"), (2, "ok")]


def test_events_are_deliveries_before_their_handlers_run(offline, ledger):
    record_socketio(offline.client, ledger, name="ann")
    offline.client.on("tick", lambda number: seen.append((number, deliveries(ledger))))
    seen = []
    offline.connect()
    offline.receive('2["tick",1]')
    assert seen == [(1, [1])]
    assert ledger.record().subscribers == ("ann",)


def test_an_event_without_a_handler_or_with_a_broken_one_has_arrived(offline, ledger):
    record_socketio(offline.client, ledger)
    offline.client.on("broken", broken)
    offline.connect()
    offline.receive('2["unknown",1]')
    with pytest.raises(LookupError):
        offline.receive('2["broken",2]')
    assert deliveries(ledger) == [1, 2]


def test_the_payload_is_the_same_at_both_ends(offline, ledger):
    record_socketio(offline.client, ledger)
    offline.connect()
    for data in (1, (1, 2), (3,), None, ()):
        run(offline.client.emit("tick", data))
    for packet in ('2["tick",1]', '2["tick",1,2]', '2["tick",3]', '2["tick",null]', '2["tick"]'):
        offline.receive(packet)
    assert [id_ for id_, _ in sends(ledger)] == deliveries(ledger) == [1, (1, 2), 3]


def test_an_event_without_a_payload_has_no_id(offline, ledger):
    recording = record_socketio(offline.client, ledger)
    offline.connect()
    run(offline.client.emit("tick"))
    offline.receive('2["tick"]')
    assert ledger.counts()[:2] == (0, 0)
    assert sum(recording.unrecorded.values()) == 2


def test_only_the_events_and_the_namespace_that_were_asked_for(offline, ledger):
    record_socketio(offline.client, ledger, events=["tick"])
    offline.connect()
    offline.receive('0/other,{"sid":"s2"}')
    for event in ("tick", "tock"):
        run(offline.client.emit(event, f"emitted {event}"))
        offline.receive(f'2["{event}","received {event}"]')
    run(offline.client.emit("tick", "elsewhere", namespace="/other"))
    offline.receive('2/other,["tick","elsewhere"]')
    assert sends(ledger) == [("emitted tick", "ok")]
    assert deliveries(ledger) == ["received tick"]
    assert len(ledger.record().connects) == 1


def test_a_class_based_namespace_emits_through_the_recorder(offline, ledger):
    kind = socketio.AsyncClientNamespace if offline.client.is_asyncio_based() else socketio.ClientNamespace
    chat = kind("/chat")
    offline.client.register_namespace(chat)
    record_socketio(offline.client, ledger, namespace="/chat")
    offline.connect()
    offline.receive('0/chat,{"sid":"s2"}')
    run(chat.emit("tick", 1))
    assert sends(ledger) == [(1, "ok")]


def test_a_payload_without_an_id_is_sent_and_noted(offline, ledger):
    recording = record_socketio(offline.client, ledger)
    offline.connect()
    run(offline.client.emit("tick", {"n": 1}))
    offline.receive('2["tick",{"n":1}]')
    assert offline.wire.sent == ['2["tick",{"n":1}]']
    assert notes(ledger)[1:] == [
        f"socketio could not record {what} (dict, TypeError): no id in its dict: unhashable type: 'dict'. "
        "Say where it is with id=…. Others like it are only counted."
        for what in ("emit of 'tick'", "event 'tick'")
    ]
    assert sum(recording.unrecorded.values()) == 2


def test_connecting_and_disconnecting_are_noted_and_the_session_is_kept(offline, ledger):
    record_socketio(offline.client, ledger, name="ann")
    offline.connect()
    offline.lose("transport close")
    assert notes(ledger) == ["socketio ann connected, sid sid1", "socketio ann disconnected: transport close"]
    assert [(c.subscriber, c.session) for c in ledger.record().connects] == [("ann", "sid1")]


def test_a_refusal_is_noted_with_its_reason(offline, ledger):
    record_socketio(offline.client, ledger, name="ann")
    offline.connect()
    offline.receive('4{"message":"go away"}')
    assert notes(ledger)[1:] == ["socketio ann could not connect: {'message': 'go away'}"]


def test_stop_takes_everything_off(offline, ledger):
    with record_socketio(offline.client, ledger):
        assert {"emit", "call", "_trigger_event"} <= set(vars(offline.client))
    assert not {"emit", "call", "_trigger_event"} & set(vars(offline.client))
    offline.connect()
    run(offline.client.emit("tick", 1))
    assert (sends(ledger), notes(ledger)) == ([], [])


def test_two_recorders_each_write_into_their_own_ledger(offline, ledger):
    other = Ledger()
    record_socketio(offline.client, ledger, events=["tick"])
    record_socketio(offline.client, other, events=["tock"])
    offline.connect()
    for event in ("tick", "tock"):
        run(offline.client.emit(event, event))
    assert (sends(ledger), sends(other)) == ([("tick", "ok")], [("tock", "ok")])


def test_other_objects_are_refused(ledger):
    with pytest.raises(TypeError, match=r"takes a socketio.Client or AsyncClient, not .*SimpleClient.*its `client`"):
        record_socketio(socketio.SimpleClient(), ledger)
    with pytest.raises(TypeError, match="events must be names"):
        record_socketio(socketio.Client(handle_sigint=False), ledger, events="tick")


def test_a_version_that_lacks_the_private_method_is_named(ledger, monkeypatch):
    monkeypatch.delattr(socketio.Client, "_trigger_event")
    with pytest.raises(
        RuntimeError, match=r"Client of python-socketio 5\..* has no _trigger_event: this version can't"
    ):
        record_socketio(socketio.Client(handle_sigint=False), ledger)


@pytest.mark.parametrize(("namespace", "error"), [("chat", ValueError), ("*", ValueError), (5, TypeError)])
def test_a_namespace_that_no_client_can_have_is_refused(namespace, error):
    with pytest.raises(error, match=rf"namespace must .*, such as '/chat', not {namespace!r}".replace("*'", r"\*'")):
        record_socketio(socketio.Client(), Ledger(), namespace=namespace)


class LooseClient(socketio.Client):
    def emit(self, *args, **kwargs):
        return super().emit(*args, **kwargs)

    def _trigger_event(self, event, *args):
        return super()._trigger_event(event, *args)


def test_a_client_that_overrides_methods_with_whatever_they_get_is_recorded():
    ledger, offline = Ledger(), OfflineClient(LooseClient)
    offline.client.namespaces = {"/": "sid1"}
    record_socketio(offline.client, ledger, events=["tick"])
    offline.client.emit("tick", 1)
    offline.receive('2["tick",2]')
    record = ledger.record()
    assert ([send.id for send in record.sends], [delivery.id for delivery in record.deliveries]) == ([1], [2])


def test_a_client_that_is_recorded_at_each_reconnect_is_refused_and_left_as_it_was():
    ledger, offline = Ledger(), OfflineClient(socketio.Client)
    record_socketio(offline.client, ledger, name="ann", events=["tick"])
    before = dict(vars(offline.client))
    with pytest.raises(ValueError, match=r"^this Client is recorded already, as 'socketio ann' "):
        record_socketio(offline.client, ledger, name="ann", events=["tick"])
    assert vars(offline.client) == before
