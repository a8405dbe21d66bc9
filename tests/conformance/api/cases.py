"""Requests to an API, one list for each case. ``{taken}`` is a port where somebody listens."""

import json

#: A case is a list of steps, each ``(method, path, body)`` with a body that is JSON or text, or the bytes to send.
A = {"name": "a", "upstream": "127.0.0.1:1", "listen": "127.0.0.1:0"}
POST_A = ("POST", "/proxies", A)
TOXICS = "/proxies/a/toxics"


def made(**fields):
    return POST_A, ("PATCH", "/proxies/a", fields), ("GET", "/proxies/a", None)


def toxic(**fields):
    return POST_A, ("POST", TOXICS, fields), ("GET", TOXICS, None)


def wired(text, *, body=""):
    return [text.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body.encode()]


LATENCY = {"type": "latency", "attributes": {"latency": 100, "jitter": 5}}

CASES = {
    # Endpoints and methods.
    "version": [("GET", "/version", None)],
    "no proxies": [("GET", "/proxies", None)],
    "unknown path": [("GET", "/nope", None)],
    "no metrics": [("GET", "/metrics", None)],
    "a trailing slash": [("GET", "/proxies/", None), POST_A, ("GET", "/proxies/a/", None), ("GET", f"{TOXICS}/", None)],
    "a path to be cleaned": [
        ("GET", "//proxies", None),
        ("GET", "/x/../proxies?y=1", None),
        ("GET", "/./version", None),
    ],
    "an escaped path": [POST_A, ("GET", "/%70roxies/%61", None)],
    "a query": [("GET", "/proxies?x=y", None)],
    "an absolute target": [("GET", "http://else.where/proxies", None)],
    "an asterisk": [("GET", "*", None), ("OPTIONS", "*", None)],
    "wrong methods": [
        ("PUT", "/version", None),
        ("HEAD", "/version", None),
        ("OPTIONS", "/proxies", None),
        ("DELETE", "/proxies", None),
        ("GET", "/reset", None),
        ("GET", "/populate", None),
        ("PUT", "/proxies/a", None),
        ("DELETE", TOXICS, None),
        ("get", "/version", None),
    ],
    "a browser": [b"GET /version HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0\r\n\r\n"],
    "a browser at no page": [b"GET /nope HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0\r\n\r\n"],
    # Proxies.
    "create": [POST_A, ("GET", "/proxies", None), ("GET", "/proxies/a", None)],
    "create twice": [POST_A, POST_A],
    "delete": [POST_A, ("DELETE", "/proxies/a", None), ("DELETE", "/proxies/a", None), ("GET", "/proxies/a", None)],
    "no name": [("POST", "/proxies", {"upstream": "u:1"}), ("POST", "/proxies", {"name": "", "upstream": "u:1"})],
    "no upstream": [("POST", "/proxies", {"name": "a"}), ("POST", "/proxies", {"name": "a", "upstream": ""})],
    "localhost": [("POST", "/proxies", {**A, "listen": "localhost:0"})],
    "IPv6": [("POST", "/proxies", {**A, "listen": "[::1]:0"})],
    "every interface": [
        ("POST", "/proxies", {**A, "listen": ":0"}),
        ("POST", "/proxies", {**A, "name": "b", "listen": "0.0.0.0:0"}),
    ],
    "no listen": [("POST", "/proxies", {"name": "a", "upstream": "127.0.0.1:1"})],
    "made disabled": [("POST", "/proxies", {**A, "enabled": False}), ("PATCH", "/proxies/a", {"enabled": True})],
    "made disabled without a listen": [("POST", "/proxies", {"name": "a", "upstream": "u:1", "enabled": False})],
    "a taken port": [("POST", "/proxies", {**A, "listen": "127.0.0.1:{taken}"}), ("GET", "/proxies", None)],
    "a listen without a port": [("POST", "/proxies", {**A, "listen": "127.0.0.1"})],
    "a listen with a port that is none": [("POST", "/proxies", {**A, "listen": "127.0.0.1:99999"})],
    "a name with a slash": [("POST", "/proxies", {**A, "name": "x/y"})],
    "a slash in a proxy's name": [("POST", "/proxies", {**A, "name": "v/w"}), ("GET", "/proxies/v%2Fw", None)],
    "a name in other letters": [
        ("POST", "/proxies", {**A, "name": "é ü+"}),
        ("GET", "/proxies/%C3%A9%20%C3%BC+", None),
    ],
    "keys in any case": [("POST", "/proxies", '{"NAME":"a","UpStream":"u:1","Listen":"127.0.0.1:0","x":[]}')],
    "a key twice": [("POST", "/proxies", '{"name":"b","Name":"a","upstream":"u:1","listen":"127.0.0.1:0"}')],
    "null keeps the default": [
        ("POST", "/proxies", '{"name":"a","upstream":"u:1","listen":"127.0.0.1:0","enabled":null}')
    ],
    "more than one value": [("POST", "/proxies", '{"name":"a","upstream":"u:1","listen":"127.0.0.1:0"} and so on')],
    "half a character": [("POST", "/proxies", '{"name":"\\ud800a","upstream":"u:1","listen":"127.0.0.1:0"}')],
    "bodies that are none": [
        ("POST", "/proxies", text) for text in ("", " ", "{", '{"name":', "x", "[]", "5", "{,}", "\ufeff{}")
    ],
    "a body of null": [("POST", "/proxies", "null")],
    "wrong types": [
        ("POST", "/proxies", text)
        for text in (
            '{"name":5}',
            '{"name":{}}',
            '{"enabled":"x"}',
            '{"enabled":1}',
            '{"listen":[]}',
            '{"upstream":false}',
        )
    ],
    "a control character": [("POST", "/proxies", '{"name":"a\tb","upstream":"u:1"}')],
    "a deep body": [("POST", "/proxies", '{"x":' + "[" * 12000 + "]" * 12000 + "}")],
    "disable and enable": [
        *made(enabled=False),
        ("PATCH", "/proxies/a", {"enabled": True}),
        ("POST", "/proxies/a", {"enabled": True}),
    ],
    "an update of nothing": [*made()],
    "an update by POST": [POST_A, ("POST", "/proxies/a", {"upstream": "u:2"})],
    "another upstream": [*made(upstream="127.0.0.1:2")],
    "another port": [*made(listen="127.0.0.1:0")],
    "a renaming is ignored": [*made(name="b")],
    "an update of nobody": [("PATCH", "/proxies/a", "{"), ("PATCH", "/proxies/a", {})],
    "an update that is none": [POST_A, ("PATCH", "/proxies/a", "{"), ("PATCH", "/proxies/a", "")],
    "an empty listen in an update": [*made(listen="")],
    "a listen without a port in an update": [*made(listen="127.0.0.1")],
    "an update to an empty upstream": [*made(upstream="")],
    "an update to a taken port": [*made(listen="127.0.0.1:{taken}")],
    "toxics survive": [
        POST_A,
        ("POST", TOXICS, LATENCY),
        ("PATCH", "/proxies/a", {"enabled": False}),
        ("PATCH", "/proxies/a", {"enabled": True, "listen": "127.0.0.1:0", "upstream": "u:2"}),
    ],
    # Toxics.
    **{
        f"a {type_}": [*toxic(type=type_, attributes=attributes)]
        for type_, attributes in {
            "latency": {"latency": 1, "jitter": 2},
            "bandwidth": {"rate": 3},
            "slow_close": {"delay": 4},
            "timeout": {"timeout": 5},
            "reset_peer": {"timeout": 6},
            "slicer": {"average_size": 7, "size_variation": 6, "delay": 8},
            "limit_data": {"bytes": 9},
            "noop": {},
        }.items()
    },
    "a toxic's defaults": [*toxic(type="latency")],
    "nulls in a toxic": [*toxic(type="latency", stream=None, toxicity=None, attributes=None)],
    "a null attribute": [*toxic(type="latency", attributes={"latency": None})],
    "unknown attributes": [*toxic(type="latency", attributes={"bytes": 1, "LATENCY": 2})],
    "a stream in any case": [*toxic(type="latency", stream="UpStream")],
    "an unknown stream": [*toxic(type="latency", stream="sideways")],
    "an unknown type": [*toxic(type="packet_loss"), ("POST", TOXICS, {}), ("POST", TOXICS, "null")],
    "a wrong type and a wrong stream": [*toxic(type="x", stream="x")],
    "a toxic's toxicity": [
        *toxic(type="noop", toxicity=0.3333333333),
        ("PATCH", f"{TOXICS}/noop_downstream", {"toxicity": 0.1}),
    ],
    "a toxic's name": [*toxic(type="noop", name="n"), ("GET", f"{TOXICS}/n", None), ("GET", f"{TOXICS}/m", None)],
    "a toxic twice": [POST_A, ("POST", TOXICS, LATENCY), ("POST", TOXICS, LATENCY)],
    "one name in both directions": [
        POST_A,
        ("POST", TOXICS, {**LATENCY, "name": "n", "stream": "upstream"}),
        ("POST", TOXICS, {**LATENCY, "name": "n"}),
    ],
    "the order of toxics": [
        POST_A,
        *(
            ("POST", TOXICS, {"type": "noop", "name": n, "stream": s})
            for n, s in zip("wxyz", ["downstream", "upstream"] * 2, strict=True)
        ),
        ("GET", TOXICS, None),
    ],
    "numbers that are no integers": [
        POST_A,
        *(
            ("POST", TOXICS, f'{{"type":"latency","attributes":{{"latency":{said}}}}}')
            for said in ("1.5", "1.0", "1e3", '"100"', "true", "[]", "9223372036854775808", "01", "NaN")
        ),
    ],
    "attributes that are none": [
        *(step for said in (5, [], "x") for step in toxic(type="latency", attributes=said)[:2])
    ],
    "toxicity that is none": [*toxic(type="latency", toxicity="1")],
    "a negative latency": [*toxic(type="latency", attributes={"latency": -1})],
    "a negative bandwidth rate": [*toxic(type="bandwidth", attributes={"rate": -1})],
    "a slicer without a size": [*toxic(type="slicer", attributes={"delay": 1})],
    "a slicer whose variation is its size": [
        *toxic(type="slicer", attributes={"average_size": 1, "size_variation": 1})
    ],
    "a toxicity above 1": [*toxic(type="noop", toxicity=1.5)],
    "a negative toxicity": [*toxic(type="noop", toxicity=-0.5)],
    "change a toxic": [
        POST_A,
        ("POST", TOXICS, LATENCY),
        (
            "PATCH",
            f"{TOXICS}/latency_downstream",
            {"attributes": {"jitter": 7}, "name": "x", "stream": "upstream", "type": "noop"},
        ),
        ("POST", f"{TOXICS}/latency_downstream", {"toxicity": 0.5, "attributes": None}),
        ("PATCH", f"{TOXICS}/latency_downstream", "null"),
        ("PATCH", f"{TOXICS}/latency_downstream", ""),
        ("PATCH", f"{TOXICS}/nope", "{"),
        ("PATCH", "/proxies/b/toxics/nope", "{"),
    ],
    "a refused update of a toxic": [
        POST_A,
        ("POST", TOXICS, LATENCY),
        ("PATCH", f"{TOXICS}/latency_downstream", '{"attributes":{"latency":7,"jitter":1.5}}'),
        ("GET", TOXICS, None),
    ],
    "remove a toxic": [
        POST_A,
        ("POST", TOXICS, LATENCY),
        ("DELETE", f"{TOXICS}/latency_downstream", None),
        ("DELETE", f"{TOXICS}/latency_downstream", None),
        ("DELETE", "/proxies/b/toxics/x", None),
        ("GET", TOXICS, None),
    ],
    # All at once.
    "populate": [("POST", "/populate", [A, {**A, "name": "b", "enabled": False}]), ("GET", "/proxies", None)],
    "populate nothing": [("POST", "/populate", "[]"), ("POST", "/populate", "null")],
    "populate with what is no list": [
        ("POST", "/populate", text) for text in ("{}", "x", "", "[5]", "[null]", '["x"]')
    ],
    "populate without a name": [("POST", "/populate", [A, {"upstream": "u:1"}]), ("GET", "/proxies", None)],
    "populate without an upstream": [("POST", "/populate", [A, {"name": "b"}]), ("GET", "/proxies", None)],
    "populate replaces": [POST_A, ("POST", TOXICS, LATENCY), ("POST", "/populate", [{**A, "upstream": "u:9"}])],
    "populate stops at a taken port": [
        ("POST", "/populate", [A, {**A, "name": "b", "listen": "127.0.0.1:{taken}"}, {**A, "name": "c"}]),
        ("GET", "/proxies", None),
    ],
    "populate replaces where a port is taken": [
        POST_A,
        ("POST", "/populate", [{**A, "listen": "127.0.0.1:{taken}"}]),
        ("GET", "/proxies", None),
    ],
    "reset": [
        POST_A,
        ("POST", TOXICS, LATENCY),
        ("PATCH", "/proxies/a", {"enabled": False}),
        ("POST", "/proxies", {**A, "name": "b", "enabled": False}),
        ("POST", "/reset", None),
        ("GET", "/proxies", None),
    ],
    "reset with a taken port": [
        ("POST", "/proxies", {**A, "listen": "127.0.0.1:{taken}", "enabled": False}),
        ("POST", "/reset", None),
    ],
    # HTTP.
    "HTTP/1.0": [b"GET /version HTTP/1.0\r\n\r\n"],
    "HTTP/1.0 kept alive": [b"GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
    "HTTP/1.2": wired("GET /version HTTP/1.2\nHost: a"),
    "HTTP/2.0": wired("GET /version HTTP/2.0\nHost: a"),
    "a close": wired("GET /version HTTP/1.1\nHost: a\nConnection: close"),
    "lines without a carriage return": [b"GET /version HTTP/1.1\nHost: a\n\n"],
    "no version": wired("GET /version"),
    "no host": wired("GET /version HTTP/1.1"),
    "two hosts": wired("GET /version HTTP/1.1\nHost: a\nHost: b"),
    "a bad host": wired("GET /version HTTP/1.1\nHost: \x01"),
    "a bad target": [*wired("GET version HTTP/1.1\nHost: a"), *wired("GET /%zz HTTP/1.1\nHost: a")],
    "a space in the target": wired("GET /ver sion HTTP/1.1\nHost: a"),
    "a bad header": wired("GET /version HTTP/1.1\nHost: a\nBad Header: x"),
    "a header without a colon": wired("GET /version HTTP/1.1\nHost: a\nNoColon"),
    "a header that goes on": wired("GET /version HTTP/1.1\nHost: a\nX: 1\n  2"),
    "a header of 100 kB": wired("GET /version HTTP/1.1\nHost: a\nX: " + "x" * 100_000),
    "no HTTP at all": [b"\x16\x03\x01\x02\x00\x01\r\n\r\n"],
    "an empty line first": wired("\nGET /version HTTP/1.1\nHost: a"),
    "chunks": wired(
        "POST /populate HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", body="1\r\n[\r\n1;x=y\r\n]\r\n0\r\nT: x\r\n\r\n"
    ),
    "chunks and a length": wired(
        "POST /populate HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 3", body="2\r\n[]\r\n0\r\n\r\n"
    ),
    "a chunk's size that is none": wired("POST /populate HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", body="zz\r\n"),
    "an unknown transfer coding": wired("POST /populate HTTP/1.1\nHost: a\nTransfer-Encoding: gzip"),
    "lengths that are none": [
        *wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: x"),
        *wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: -1"),
        *wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: +1"),
        *wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: 2\nContent-Length: 3", body="[]"),
    ],
    "one length twice": wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: 2\nContent-Length: 2", body="[]"),
    "an unknown expectation": wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: 2\nExpect: x", body="[]"),
    "a body that nobody reads": wired("GET /version HTTP/1.1\nHost: a\nContent-Length: 5", body="hello"),
    "a body that ends early": wired("POST /populate HTTP/1.1\nHost: a\nContent-Length: 9", body="[]"),
}


def encode(step, taken):
    """Write a step as the bytes to send."""
    if isinstance(step, bytes):
        return step
    method, path, body = step
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    data = text.replace("{taken}", str(taken)).encode()
    length = f"Content-Length: {len(data)}\r\n" if body is not None else ""
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{length}\r\n".encode() + data
