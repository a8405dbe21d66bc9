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
