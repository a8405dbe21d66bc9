"""Recorders: they write what a real client sends and gets into a `Ledger`, and change nothing about the client.

A recorder puts itself in front of some methods of one object (never of a class), calls the original with the same
arguments, and hands its result or exception on as it is. The libraries are imported only when one of their objects
is recorded.

While it is recorded, an object refers to itself: if nobody closes it, it is closed by the garbage collector, and not at
the moment at which it is dropped.
"""

from __future__ import annotations

from .calls import record_calls
from .identity import IdRule
from .publisher import record_publisher
from .pubsub import record_pubsub
from .recording import Recording
from .socketio_client import record_socketio
from .socketio_server import record_socketio_server
from .streams import record_stream
from .websocket import record_websocket

__all__ = [
    "IdRule",
    "Recording",
    "record_calls",
    "record_publisher",
    "record_pubsub",
    "record_socketio",
    "record_socketio_server",
    "record_stream",
    "record_websocket",
]
