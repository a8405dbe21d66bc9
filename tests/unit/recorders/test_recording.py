"""A recorder at work."""

from __future__ import annotations

import threading

import pytest

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders.recording import Recording, check_chosen


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def recording(ledger):
    return Recording(ledger, "client", "ann", "n")


def notes(ledger):
    return [note.text for note in ledger.notes]


def test_what_has_an_id_is_written_down(recording, ledger):
    attempt = recording.attempt("a message", {"n": 1})
    recording.delivered("a message", {"n": 1})
    record = ledger.record()
    assert (attempt.id, attempt.outcome) == (1, "info")
    assert [(send.id, send.sender) for send in record.sends] == [(1, "ann")]
    assert [(delivery.id, delivery.subscriber) for delivery in record.deliveries] == [(1, "ann")]
    assert recording.unrecorded == {}


def test_what_has_none_is_noted_once_for_each_kind_and_counted(recording, ledger):
    assert recording.attempt("a message", {"m": 1}) is None
    recording.delivered("a message", {"m": 2})
    recording.delivered("a message", {"n": []})
    recording.delivered("an event", "text")
    could_not = "client ann could not record"
    counted = "Say where it is with id=…. Others like it are only counted."
    assert notes(ledger) == [
        f"{could_not} a message (dict, KeyError): no id in its dict: 'n'. {counted}",
        f"{could_not} a message (dict, TypeError): no id in its dict: unhashable type: 'list'. {counted}",
        (
            f"{could_not} an event (str, JSONDecodeError): no id in its str: "
            f"Expecting value: line 1 column 1 (char 0). {counted}"
        ),
    ]
    assert recording.unrecorded == {
        "a message (dict, KeyError)": 2,
        "a message (dict, TypeError)": 1,
        "an event (str, JSONDecodeError)": 1,
    }
    assert repr(recording) == "<recorder of client ann, 4 messages not recorded>"
    assert len(ledger.record().sends + ledger.record().deliveries) == 0


def test_whatever_a_test_s_own_function_raises_stays_with_the_recorder(ledger):
    def broken(_):
        raise ZeroDivisionError("broken")

    recording = Recording(ledger, "client", "", broken)
    assert recording.attempt("a message", "a") is None
    assert notes(ledger)[0].startswith("client could not record a message (str, ZeroDivisionError)")


def test_an_interrupt_does_not_stay_with_the_recorder(ledger):
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Recording(ledger, "client", "", interrupted).attempt("a message", "a")


def test_it_stops_once_and_in_reverse(recording):
    undone = []
    recording.on_stop(lambda: undone.append("first"))
    recording.on_stop(lambda: undone.append("second"))
    with recording:
        assert undone == []
    assert undone == ["second", "first"]
    recording.stop()
    assert len(undone) == 2


def test_threads_miss_nothing(recording, ledger):
    def miss():
        for _ in range(1000):
            recording.missed("a message", "why")

    threads = [threading.Thread(target=miss) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recording.unrecorded == {"a message": 4000}
    assert len(ledger.notes) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no ledger", "client", "", None), "ledger must be a Ledger, .* not 'no ledger'"),
        ((Ledger(), "client", 5, None), "name must be a string, not 5"),
        ((Ledger(), "client", "", 1.5), "id must be .* not 1.5"),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(arguments, message):
    with pytest.raises(TypeError, match=message):
        Recording(*arguments)


@pytest.mark.parametrize("chosen", ["tick", [1]])
def test_names_are_a_collection_of_strings(chosen):
    assert check_chosen("events", None) is None
    assert check_chosen("events", ["a"]) == {"a"}
    with pytest.raises(TypeError, match=r"events must be names, such as events=\['a', 'b'\], not "):
        check_chosen("events", chosen)


class Awkward:
    """What a client may well pass on, and what can't be looked at."""

    def __hash__(self):
        raise Unsayable

    def __repr__(self):
        raise Unsayable


class Unsayable(Exception):
    def __str__(self):
        raise Unsayable


def test_a_message_and_an_error_that_cannot_be_written_stay_with_the_recorder(ledger):
    assert Recording(ledger, "client", "", None).attempt("a message", Awkward()) is None
    assert "no id in its Awkward: <Unsayable: Unsayable in its str()>." in notes(ledger)[0]


class Client:
    def send(self, message):
        if message == "bad":
            raise OSError("broken")
        return f"sent {message}"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_recorder_that_fails_is_noted_and_changes_nothing_for_the_client(recording, ledger, when):
    def fail(*_):
        raise ZeroDivisionError("ours")

    client = Client()
    recording.watch(client, "send", fail if when == "before" else lambda _: fail, is_async=False)
    assert client.send("a") == "sent a"
    with pytest.raises(OSError, match="broken"):
        client.send("bad")
    assert notes(ledger) == [
        (
            "client ann could not record a call of send (ZeroDivisionError): the recorder failed: ours. "
            "Others like it are only counted."
        )
    ]
    assert recording.unrecorded == {"a call of send (ZeroDivisionError)": 2}


@pytest.mark.parametrize("chosen", [5, b"ticks", "ticks", [1], ["a", None]])
def test_what_names_no_events_is_refused(chosen):
    with pytest.raises(TypeError, match=r"events must be names, such as events=\['a', 'b'\], not "):
        check_chosen("events", chosen)


def test_names_that_can_be_gone_through_only_once_are_all_taken():
    assert check_chosen("events", iter(["a", "b"])) == {"a", "b"}


def watch(client, ledger, name="ann", id_="n", chosen=None):
    recording = Recording(ledger, "client", name, id_, chosen)
    recording.watch(client, "send", lambda _: None, is_async=False)
    return recording


@pytest.mark.parametrize("id_", ["n", None, len])
def test_a_client_is_recorded_once_in_the_same_way(ledger, id_):
    client = Client()
    first = watch(client, ledger, id_=id_)
    with pytest.raises(
        ValueError, match=r"this Client is recorded already, as 'client ann' and into the same ledger: "
    ):
        watch(client, ledger, id_=id_)
    first.stop()
    watch(client, ledger, id_=id_).stop()
    assert vars(client) == {}


def test_a_client_is_recorded_more_than_once_in_different_ways(ledger):
    client = Client()
    ways = [
        watch(client, ledger),
        watch(client, ledger, name="bob"),
        watch(client, ledger, id_="m"),
        watch(client, ledger, chosen=frozenset({"a"})),
        watch(client, Ledger()),
        watch(Client(), ledger),
    ]
    with pytest.raises(ValueError, match="recorded already"):
        watch(client, ledger)
    for way in ways:
        way.stop()
    assert vars(client) == {}
