"""Connects with E2B's own SDK, release 0.13.4: ``python released_sdk.py URL SEED``. Runs where that is installed."""

from __future__ import annotations

import asyncio
import random
import sys
from queue import Queue
from threading import Event

from e2b.sandbox.websocket_client import WebSocket

url, seed = sys.argv[1:]
random.seed(int(seed))  # its waits are drawn by random.random()
asyncio.run(WebSocket(url=url, started=Event(), stopped=Event(), queue_in=Queue(), queue_out=Queue()).run())
