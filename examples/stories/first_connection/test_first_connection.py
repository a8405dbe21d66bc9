"""A client starts before its server: does it find the server when it comes, and stop when it doesn't?"""

from __future__ import annotations

import random

import pytest
import socketio
from socketio.exceptions import ConnectionError as ConnectFailed

from examples.stories.first_connection.connecting import connecting
from examples.stories.first_connection.patient import PatientAsyncClient, PatientClient
from pytest_netchaos import backoff, check_async, dead_peer_detected, gave_up, presets, reconnected

pytestmark = pytest.mark.asyncio

#: Seconds that a busy machine may be late. Waits that are too short are found on any machine.
LATE = 2.0
#: 50 ms, 100 ms, and 200 ms from then on; each up to 20 ms shorter or longer.
POLICY = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2, "randomization_factor": 0.02}
LONGEST_WAIT = 0.22

stock = pytest.mark.parametrize("kind", [socketio.Client, socketio.AsyncClient])
patient = pytest.mark.parametrize("kind", [PatientClient, PatientAsyncClient])
every = pytest.mark.parametrize("kind", [socketio.Client, socketio.AsyncClient, PatientClient, PatientAsyncClient])


@stock
async def test_without_retry_there_is_one_attempt(link, page, kind):
    cut = link.cut()  # the server isn't there yet
    async with connecting(kind(**POLICY), link) as connected:
        with pytest.raises(ConnectFailed):
            await connected
        cut.heal()  # here it comes
        with pytest.raises(AssertionError) as failure:
            await check_async(link, reconnected(within=0.3))
        assert page.shows(failure)


@every
async def test_with_retry_a_late_server_is_found(link, kind):
    cut = link.cut()  # the server isn't there yet
    async with connecting(kind(**POLICY), link, retry=True) as connected:
        await link.wait_for_dial_async(5)  # the client has tried, in vain
        cut.heal()  # here it comes
        await connected
        await check_async(link, reconnected(within=LONGEST_WAIT + LATE))
        assert link.dials == presets.python_socketio(*POLICY.values(), late=LATE)


@every
async def test_the_limit_does_not_count_the_first_attempt(link, page, kind):
    link.cut()
    async with connecting(kind(**POLICY, reconnection_attempts=4), link, retry=True) as connected:
        with pytest.raises(ConnectFailed):
            await connected
        with pytest.raises(AssertionError) as failure:
            await check_async(link, gave_up(after=4))
        assert page.shows(failure)
        await check_async(link, gave_up(after=5, quiet=0.3))


async def test_the_jitter_is_in_seconds(link, page):
    random.seed(153)  # draws 0.987 of a jitter
    link.cut()
    client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_attempts=1)
    async with connecting(client, link, retry=True) as connected:
        with pytest.raises(ConnectFailed):
            await connected
        with pytest.raises(AssertionError) as failure:  # "each delay is randomly adjusted by +/- 50%"
            await check_async(link.dials, backoff(first=0.05, jitter=0.5))
        assert page.shows(failure)
        assert link.dials == presets.python_socketio(0.05, late=LATE)


@stock
async def test_a_server_that_refuses_is_not_asked_again(link, server, page, kind):
    server.refusals = 1
    async with connecting(kind(**POLICY), link, retry=True) as connected:
        with pytest.raises(ConnectFailed):
            await connected
        with pytest.raises(AssertionError) as failure:
            await check_async(link, reconnected(within=0.3, after=server.ready_at))
        assert page.shows(failure)


@patient
async def test_a_patient_client_asks_until_the_server_is_ready(link, server, kind):
    server.refusals = 3
    async with connecting(kind(**POLICY), link, retry=True) as connected:
        await connected
        await check_async(link, reconnected(within=LONGEST_WAIT + LATE, after=server.ready_at))


async def test_a_silent_server_is_waited_for(link, page):
    link.stall(direction="downstream")
    client = socketio.AsyncClient(**POLICY, request_timeout=0.3)
    async with connecting(client, link, retry=True, wait_timeout=0.3):
        await link.wait_for_connection_async()
        with pytest.raises(AssertionError) as failure:
            await check_async(link, dead_peer_detected(within=1.0, since=link.connections[0].opened_at))
        assert page.shows(failure)


@pytest.mark.parametrize(("kind", "limit"), [(PatientClient, "request_timeout"), (PatientAsyncClient, "answer_within")])
async def test_a_patient_client_hangs_up_and_comes_back(link, kind, limit):
    stall = link.stall(direction="downstream")
    async with connecting(kind(**POLICY, **{limit: 0.3}), link, retry=True) as connected:
        await link.wait_for_connection_async(3)
        await check_async(link, dead_peer_detected(within=0.3 + LATE, since=link.connections[0].opened_at))
        stall.heal()
        await connected
        await check_async(link, reconnected(within=0.3 + LONGEST_WAIT + LATE))
