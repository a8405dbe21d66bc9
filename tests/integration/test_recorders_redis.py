"""The recorders of redis-py on a real server, with and without faults."""

from __future__ import annotations

import asyncio
import inspect
import threading

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from pytest_netchaos import at_least_once, exactly_once
from pytest_netchaos.recorders import record_publisher, record_pubsub, record_stream


def sends(ledger):
    return [(send.id, send.outcome) for send in ledger.record().sends]


def deliveries(ledger):
    return [delivery.id for delivery in ledger.record().deliveries]


def notes(ledger):
    return [note.text for note in ledger.notes]


def client(port, **options):
    return redis.Redis(port=port, retry=Retry(NoBackoff(), 0), **options)


async def value_of(result):
    return await result if inspect.isawaitable(result) else result


async def next_message(pubsub):
    """The next one that isn't of a subscription."""
    while True:
        message = await value_of(pubsub.get_message(ignore_subscribe_messages=True, timeout=10))
        if message is not None:
            return message


async def pubsub_script(make, *, recorders=None):
    """Publish and receive a bit of everything, and return all that anybody could see of it."""
    connection, results, handled = make(), [], []
    pubsub = connection.pubsub()
    recordings = recorders(connection, pubsub) if recorders else []
    results.append(await value_of(connection.publish("ticks", "unheard")))
    await value_of(pubsub.subscribe("ticks", handled=handled.append))
    await value_of(pubsub.psubscribe("other.*"))
    results += [await value_of(pubsub.get_message(timeout=10)) for _ in range(3)]
    for channel, message in (("ticks", 1), ("ticks", b"\xff"), ("other.a", "two")):
        results.append(await value_of(connection.publish(channel, message)))
        results.append(await next_message(pubsub))
    results.append(await value_of(connection.publish("handled", "three")))
    results.append(await value_of(pubsub.get_message(timeout=10)))
    try:
        await value_of(connection.publish("ticks", ["no", "list"]))
    except redis.DataError as error:
        results.append(str(error))
    for recording in recordings:
        recording.stop()
    await value_of(pubsub.aclose() if hasattr(pubsub, "aclose") else pubsub.close())
    await value_of(connection.aclose() if hasattr(connection, "aclose") else connection.close())
    return results, handled


@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis])
@pytest.mark.parametrize("protocol", [2, 3])
def test_recorded_publishing_and_receiving_is_what_it_is_without(redis_server, ledger, kind, protocol):
    def make():
        return kind(port=redis_server.port, protocol=protocol)

    def recorders(connection, pubsub):
        return record_publisher(connection, ledger), record_pubsub(pubsub, ledger, name="bob")

    plain = asyncio.run(pubsub_script(make))
    assert asyncio.run(pubsub_script(make, recorders=recorders)) == plain
    assert plain[1][0]["data"] == b"three"
    assert sends(ledger) == [(id_, "ok") for id_ in ("unheard", "1", b"\xff", "two", "three")]
    assert deliveries(ledger) == ["1", b"\xff", "two", "three"]
    assert notes(ledger)[:2] == [
        "publisher had no subscriber on 'ticks' when 'unheard' was published",
        "pubsub bob subscribed to 'ticks'",
    ]
    assert "unhashable type: 'list'" in notes(ledger)[2]
    assert len(ledger.record().connects) == 1


def test_a_message_whose_reply_is_lost_is_unclear_and_recovered(redis_server, redis_link, ledger):
    with client(redis_link.port, socket_timeout=1.5) as publisher, client(redis_server.port) as direct:
        recording = record_publisher(publisher, ledger, name="ann")
        pubsub = direct.pubsub()
        record_pubsub(pubsub, ledger, name="bob")
        pubsub.subscribe("ticks")
        assert pubsub.get_message(timeout=10)["type"] == "subscribe"
        publisher.publish("ticks", "before")
        with redis_link.stall(direction="downstream"), pytest.raises(redis.TimeoutError):
            publisher.publish("ticks", "lost reply")
        while len(deliveries(ledger)) < 2:
            pubsub.get_message(timeout=10)
        recording.stop()
        pubsub.close()
    assert sends(ledger) == [("before", "ok"), ("lost reply", "info")]
    assert deliveries(ledger) == ["before", "lost reply"]
    assert ledger == exactly_once()


def test_what_was_published_while_the_subscriber_was_cut_off_is_lost(redis_server, redis_link, ledger):
    with client(redis_server.port) as publisher, client(redis_link.port) as cut_off:
        record_publisher(publisher, ledger)
        pubsub = cut_off.pubsub()
        record_pubsub(pubsub, ledger, name="bob")
        pubsub.subscribe("ticks")
        assert pubsub.get_message(timeout=10)["type"] == "subscribe"
        publisher.publish("ticks", "before")
        assert pubsub.get_message(timeout=10)["data"] == b"before"
        with redis_link.cut():
            publisher.publish("ticks", "during")
            with pytest.raises(redis.ConnectionError):
                while True:
                    pubsub.get_message(timeout=10)
        while len(ledger.record().connects) < 2:
            pubsub.get_message(timeout=10)
        publisher.publish("ticks", "after")
        while deliveries(ledger)[-1] != "after":
            pubsub.get_message(timeout=10)
        pubsub.close()
    assert notes(ledger).count("pubsub bob subscribed to 'ticks'") == 2
    verdict, lost = at_least_once().explain(ledger)[:2]
    assert verdict.endswith("1 lost")
    assert "'during'" in lost
    assert "during the cut" in lost


async def stream_script(make, *, recorder=None):
    """Add, read, claim and acknowledge, and return all that anybody could see of it."""
    connection, results = make(), []
    recording = recorder(connection) if recorder else None
    await value_of(connection.flushdb())
    for number in range(1, 4):
        await value_of(connection.xadd("orders", {"n": number}, id=f"{number}-0"))
    await value_of(connection.xgroup_create("orders", "workers", "0"))
    calls = (
        lambda: connection.xread({"orders": "0"}, count=1),
        lambda: connection.xread({"nothing": "0"}),
        lambda: connection.xreadgroup("workers", "w1", {"orders": ">"}),
        lambda: connection.xack("orders", "workers", "1-0"),
        lambda: connection.xack("orders", "workers", "1-0", "2-0"),
        lambda: connection.xclaim("orders", "workers", "w2", 0, ["3-0"]),
        lambda: connection.xclaim("orders", "workers", "w2", 0, ["3-0"], justid=True),
        lambda: connection.xautoclaim("orders", "workers", "w3", 0),
        lambda: connection.xautoclaim("orders", "workers", "w3", 0, justid=True),
    )
    results += [await value_of(call()) for call in calls]
    for bad in (lambda: connection.xadd("orders", {}), lambda: connection.xadd("orders", {"n": 9}, id="1-0")):
        try:
            await value_of(bad())
        except redis.RedisError as error:
            results.append((type(error), str(error)))
    if recording is not None:
        recording.stop()
    await value_of(connection.aclose() if hasattr(connection, "aclose") else connection.close())
    return results


@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis])
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("id_", [None, "n"])
def test_recorded_streams_are_what_they_are_without(redis_server, ledger, kind, protocol, id_):
    def make():
        return kind(port=redis_server.port, protocol=protocol)

    plain = asyncio.run(stream_script(make))
    recorded = asyncio.run(
        stream_script(make, recorder=lambda connection: record_stream(connection, ledger, id=id_, streams=["orders"]))
    )
    assert recorded == plain
    one, two, three = ("1-0", "2-0", "3-0") if id_ is None else ("1", "2", "3")
    assert sends(ledger)[:3] == [(one, "ok"), (two, "ok"), (three, "ok")]
    # Read, read by a group, claimed, claimed by itself.
    assert deliveries(ledger) == [one, one, two, three, three, three]
    assert "stream xack of 1-0 and 1 more in 'orders': 1 taken" in notes(ledger)
    if id_ is not None:
        assert sends(ledger)[3:] == [("9", "info")]


def test_an_entry_whose_reply_is_lost_needs_an_id_of_its_own(redis_link, ledger):
    with client(redis_link.port, socket_timeout=1.5) as connection:
        by_entry = record_stream(connection, ledger)
        by_field = record_stream(connection, ledger, id="n")
        connection.ping()
        with redis_link.stall(direction="downstream"), pytest.raises(redis.TimeoutError):
            connection.xadd("orders", {"n": 7})
        assert by_entry.unrecorded == {"an entry to 'orders' (TimeoutError)": 1}
        assert by_field.unrecorded == {}
    assert sends(ledger) == [("7", "info")]
    assert notes(ledger) == [
        (
            "stream could not record an entry to 'orders' (TimeoutError): its id came with the reply, which is lost. "
            "Say with id=… which field to take instead. Others like it are only counted."
        )
    ]


def test_threads_publish_through_one_recorder(redis_server, ledger):
    with client(redis_server.port) as connection:
        record_publisher(connection, ledger)

        def publish(sender):
            for number in range(100):
                connection.publish("ticks", f"{sender}.{number}")

        threads = [threading.Thread(target=publish, args=(sender,)) for sender in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(sends(ledger))) == 400
    assert {outcome for _, outcome in sends(ledger)} == {"ok"}


def test_only_the_channels_that_were_asked_for(redis_server, ledger):
    with client(redis_server.port) as connection, record_publisher(connection, ledger, channels=["a"]) as recording:
        connection.publish("a", "1")
        connection.publish("b", "2")
        recording.stop()
        connection.publish("a", "3")
        assert "publish" not in vars(connection)
    assert sends(ledger) == [("1", "ok")]


def test_other_objects_are_refused(redis_server, ledger):
    with client(redis_server.port) as connection:
        for record in (record_publisher, record_stream):
            with pytest.raises(TypeError, match=r"a command in a pipeline has no outcome of its own"):
                record(connection.pipeline(), ledger)
            with pytest.raises(TypeError, match=r"takes a Redis or RedisCluster .* not 5"):
                record(5, ledger)
        with pytest.raises(TypeError, match=r"takes what pubsub\(\) of a Redis client returns"):
            record_pubsub(connection, ledger)
        with pytest.raises(TypeError, match="channels must be names"):
            record_publisher(connection, ledger, channels="a")


@pytest.mark.parametrize("kind", [redis.RedisCluster, redis.asyncio.RedisCluster])
def test_what_a_cluster_s_shards_would_send_is_said_to_be_unrecorded(redis_cluster, ledger, kind):
    async def subscribe():
        cluster = kind.from_url(redis_cluster.url())
        await value_of(cluster.initialize() if hasattr(cluster, "initialize") else None)
        pubsub = cluster.pubsub()
        recording = record_pubsub(pubsub, ledger, name="bob")
        for _ in range(2):
            await value_of(pubsub.ssubscribe("ticks"))
        await value_of(pubsub.aclose() if hasattr(pubsub, "aclose") else pubsub.close())
        await value_of(cluster.aclose() if hasattr(cluster, "aclose") else cluster.close())
        return recording

    assert asyncio.run(subscribe()).unrecorded == {"what ssubscribe() brings": 2}
    assert notes(ledger) == [
        (
            "pubsub bob could not record what ssubscribe() brings: a cluster's client has a subscriber for each node. "
            "Others like it are only counted."
        )
    ]
