"""Recording the calls of any function."""

from __future__ import annotations

import asyncio
import gc
import inspect
from concurrent.futures import Future

import pytest

from pytest_netchaos.ledger import Ledger
from pytest_netchaos.recorders.calls import record_calls


@pytest.fixture
def ledger():
    return Ledger()


def sends(ledger):
    return [(send.id, send.outcome) for send in ledger.record().sends]


def deliveries(ledger):
    return [delivery.id for delivery in ledger.record().deliveries]


def publish(channel, message=None):
    if message == "refused":
        raise ValueError(message)
    if message == "broken":
        raise ConnectionResetError(message)
    return f"{channel}: {message}"


async def publish_async(channel, message=None):
    await asyncio.sleep(0)
    return publish(channel, message)


def publish_later(channel, message=None):
    return publish_async(channel, message)


def attempts(function, *messages):
    """Call it with each, whatever comes of it."""
    results = []
    for message in messages:
        try:
            result = function("c", message)
            results.append(asyncio.run(result) if inspect.isawaitable(result) else result)
        except (ValueError, OSError) as error:
            results.append((type(error), error.args))
    return results


@pytest.mark.parametrize("function", [publish, publish_async, publish_later])
def test_the_outcome_of_a_send_is_how_the_call_ended(ledger, function):
    recorded = record_calls(function, ledger, id=1, fails=ValueError)
    messages = ("a", "refused", "broken")
    assert attempts(recorded, *messages) == attempts(function, *messages)
    assert sends(ledger) == [("a", "ok"), ("refused", "fail"), ("broken", "info")]
    assert inspect.iscoroutinefunction(recorded) is inspect.iscoroutinefunction(function)


def test_a_send_is_written_down_before_it_is_made(ledger):
    assert record_calls(lambda _: sends(ledger), ledger)("a") == [("a", "info")]


def test_a_coroutine_that_is_cancelled_leaves_nobody_sure(ledger):
    async def stuck(message):
        await asyncio.Event().wait()

    async def cancelled():
        task = asyncio.create_task(record_calls(stuck, ledger)("a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert sends(ledger) == [("a", "info")]


@pytest.mark.parametrize("id_", [1, "message", lambda _, message: message])
@pytest.mark.parametrize("call", [lambda f: f("c", "a"), lambda f: f("c", message="a")])
def test_the_id_is_an_argument_however_it_was_passed(ledger, id_, call):
    call(record_calls(publish, ledger, id=id_))
    assert sends(ledger) == [("a", "ok")]


def test_the_id_is_the_first_argument_unless_said_otherwise(ledger):
    record_calls(publish, ledger)("c", "a")
    assert sends(ledger) == [("c", "ok")]


def test_a_decorated_handler_records_deliveries_even_those_that_it_fails_on(ledger):
    @record_calls(ledger, as_="delivery", name="bob")
    def handle(number):
        """Take it."""
        assert deliveries(ledger)[-1] == number
        if number == 2:
            raise ValueError(number)
        return -number

    assert handle(1) == -1
    with pytest.raises(ValueError, match="2"):
        handle(2)
    assert deliveries(ledger) == [1, 2]
    assert ledger.record().subscribers == ("bob",)
    assert (handle.__name__, handle.__doc__) == ("handle", "Take it.")


def test_a_method_is_decorated_with_the_name_of_its_argument(ledger):
    class Consumer:
        @record_calls(ledger, as_="delivery", id="message")
        def handle(self, message):
            return self, message

    consumer = Consumer()
    assert consumer.handle("a") == (consumer, "a")
    assert deliveries(ledger) == ["a"]


def test_what_a_function_returns_is_a_delivery_unless_there_was_nothing(ledger):
    messages = iter([{"n": 1}, None, {"n": 2}])
    receive = record_calls(lambda: next(messages), ledger, as_="receipt", id="n")
    assert [receive(), receive(), receive()] == [{"n": 1}, None, {"n": 2}]
    with pytest.raises(StopIteration):
        receive()
    assert deliveries(ledger) == [1, 2]
    assert ledger.notes == ()


def test_a_call_without_an_id_is_made_and_noted(ledger):
    recorded = record_calls(publish, ledger, id="message")
    assert recorded("c") == "c: None"
    assert recorded("c", ["a"]) == "c: ['a']"
    could_not = "calls of publish could not record a call"
    assert [note.text.partition(".")[0] for note in ledger.notes] == [
        f"{could_not} (Arguments, LookupError): no id in its Arguments: there is no argument 'message' in the call",
        f"{could_not} (Arguments, TypeError): no id in its Arguments: unhashable type: 'list'",
    ]


def test_the_original_records_nothing(ledger):
    recorded = record_calls(publish, ledger)
    recorded.__wrapped__("c", "a")
    publish("c", "a")
    assert sends(ledger) == []


def generator():
    yield


async def async_generator():
    yield


@pytest.mark.parametrize("function", [5, generator, async_generator])
def test_what_is_no_function_is_refused(ledger, function):
    with pytest.raises(TypeError, match="takes a function or a coroutine function, not"):
        record_calls(function, ledger)


def test_other_bad_arguments_are_refused(ledger):
    with pytest.raises(ValueError, match="as_ must be one of 'send', 'delivery', 'receipt', not 'sent'"):
        record_calls(publish, ledger, as_="sent")
    with pytest.raises(TypeError, match=r"id must be the name of an argument, its position, or .* not 1.5"):
        record_calls(publish, ledger, id=1.5)
    with pytest.raises(TypeError, match="ledger must be a Ledger"):
        record_calls(publish, [])
    with pytest.raises(TypeError, match="takes a function and a ledger"):
        record_calls()


def test_a_future_of_another_thread_is_unknown_until_it_is_done(ledger):
    futures = [Future(), Future(), Future(), Future()]
    recorded = record_calls(futures.__getitem__, ledger, fails=ValueError)
    assert [recorded(number) for number in range(4)] == futures
    assert sends(ledger) == [(0, "info"), (1, "info"), (2, "info"), (3, "info")]
    futures[0].set_result("taken")
    futures[1].set_exception(ValueError("refused"))
    futures[2].set_exception(OSError("broken"))
    futures[3].cancel()
    assert sends(ledger) == [(0, "ok"), (1, "fail"), (2, "info"), (3, "info")]


def test_a_future_that_is_done_already_tells_at_once(ledger):
    future = Future()
    future.set_result("taken")
    assert record_calls(lambda _: future, ledger)(1) is future
    assert sends(ledger) == [(1, "ok")]


def test_what_a_future_brings_is_a_receipt(ledger):
    future = Future()
    record_calls(lambda: future, ledger, as_="receipt")()
    assert deliveries(ledger) == []
    future.set_result("tick")
    assert deliveries(ledger) == ["tick"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_future_of_asyncio_is_unknown_until_it_is_done_and_still_complains_that_nobody_asked_it(ledger, is_async):
    complaints = []

    async def run():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        futures = [loop.create_future(), loop.create_future()]

        async def send_async(number):
            return futures[number]

        recorded = record_calls(send_async if is_async else futures.__getitem__, ledger)
        for number in range(2):
            result = recorded(number)
            assert (await result if is_async else result) is futures[number]
        assert sends(ledger) == [(0, "info"), (1, "info")]
        futures[0].set_result("taken")
        futures[1].set_exception(OSError("broken"))
        await asyncio.sleep(0)
        assert sends(ledger) == [(0, "ok"), (1, "info")]
        futures.clear()
        gc.collect()

    asyncio.run(run())
    assert complaints == ["Future exception was never retrieved"]


def test_a_forgotten_ledger_is_said_at_once():
    with pytest.raises(
        TypeError, match=r"ledger must be a Ledger, .*, not <function publish .*record_calls\(function, "
    ):
        record_calls(publish, id=1)


def test_a_decorator_refuses_bad_arguments_where_it_is_made(ledger):
    with pytest.raises(ValueError, match="as_ must be one of"):
        record_calls(ledger, as_="sent")


@pytest.mark.parametrize("fails", ["OSError", [OSError], OSError("x"), (OSError, int)])
def test_what_is_no_class_of_exceptions_cannot_fail(ledger, fails):
    with pytest.raises(TypeError, match="fails must be a class of exceptions, or a tuple of some, not "):
        record_calls(publish, ledger, fails=fails)


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_function_that_is_no_longer_one_says_what_to_turn_round(ledger, kind):
    with pytest.raises(TypeError, match=f"put @{kind.__name__} above it, not below"):
        record_calls(ledger)(kind(publish))


def test_an_asynchronous_function_for_the_id_is_noted(ledger):
    async def number_of(number):
        return number

    assert record_calls(lambda number: number, ledger, id=number_of)(7) == 7
    assert sends(ledger) == []
    assert "the function for the id is asynchronous" in ledger.notes[0].text
