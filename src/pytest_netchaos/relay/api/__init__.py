"""Toxiproxy's HTTP API in front of the relay, served from the relay's own loop. Imported only when one is asked for.

`server` → `client` → `application` → `collection` → `served` → `live`, from the outside in; what needs neither sockets
nor clocks is beside them: `http`, `targets`, `responses`, `routes`, `bodies`, `toxics`, `addresses`, `metrics`.

What the released Toxiproxy 2.12.0 answers, and Go's HTTP server under it, was measured; where this one differs on
purpose is listed in ``tests/conformance/api/differences.py``.
"""
