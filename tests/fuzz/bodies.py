"""Requests for the API, as hypothesis draws them: valid ones with a slip or two, and any JSON there is."""

from __future__ import annotations

import json

from hypothesis import strategies as st
from tests.fuzz.api_process import quote

TYPES = ("latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop")
ATTRIBUTES = (
    "latency", "jitter", "rate", "delay", "timeout", "average_size", "size_variation", "bytes", "Latency", "unknown"
)  # fmt: skip
numbers = st.one_of(
    st.integers(-2, 1000),
    st.sampled_from([2**31, 2**63 - 1, 2**63, -(2**63), 10**40, 1.5, -0.5, 1e3, 1e308, 0.0, -0.0, 5]),
    st.floats(),
)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=10)
wild = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["a", "b", "ü", "x/y"]) | st.text(min_size=1, max_size=8)
listens = st.sampled_from(
    ["", "127.0.0.1:0", "localhost:0", "[::1]:0", "127.0.0.1", ":", "::", "127.0.0.1:99999", "127.0.0.1:-1", "[::1",
     "127.0.0.1:http", "256.1.1.1:0", "a b:1", "127.0.0.1:0:0", "\0:0"]
)  # fmt: skip
upstreams = st.sampled_from(["127.0.0.1:1", "[::1]:1", "nowhere", "", ":", "127.0.0.1:70000", "a b:1", "\0:1"])


def mostly(good, *, wrong=wild):
    """Draw what is right three times in four."""
    return st.integers(0, 3).flatmap(lambda which: good if which else wrong)


def objects(fields):
    """Draw an object with some of the fields, and a wild one now and then."""
    return st.fixed_dictionaries({}, optional=fields).flatmap(
        lambda some: mostly(
            st.just(some), wrong=st.dictionaries(st.text(max_size=5), wild, max_size=2).map(some.__or__)
        )
    )


proxies = objects(
    {"name": mostly(names), "listen": mostly(listens), "upstream": mostly(upstreams), "enabled": mostly(st.booleans())}
)
toxics = objects({
    "name": mostly(names),
    "type": mostly(st.sampled_from(TYPES)),
    "stream": mostly(st.sampled_from(["upstream", "downstream", "UPSTREAM", "both"])),
    "toxicity": mostly(st.sampled_from([0, 0.5, 1]), wrong=numbers),
    "attributes": mostly(st.dictionaries(st.sampled_from(ATTRIBUTES), mostly(st.integers(0, 100), wrong=scalars))),
})  # fmt: skip
bodies = st.one_of(proxies, toxics, st.lists(proxies, max_size=3), wild)
segments = st.sampled_from(["a", "b", "ü", "latency_downstream", "slicer_upstream"]) | st.text(min_size=1, max_size=5)


@st.composite
def requests(draw):
    """Draw a method, a path and a body that may fit them."""
    method, path, body = draw(
        st.sampled_from([
            ("POST", "/proxies", proxies), ("POST", "/proxies/{}", proxies), ("PATCH", "/proxies/{}", proxies),
            ("POST", "/proxies/{}/toxics", toxics), ("POST", "/proxies/{}/toxics", toxics),
            ("PATCH", "/proxies/{}/toxics/{}", toxics), ("POST", "/populate", st.lists(proxies, max_size=3)),
            ("DELETE", "/proxies/{}", st.none()), ("DELETE", "/proxies/{}/toxics/{}", st.none()),
            ("POST", "/reset", st.none()), ("GET", "/proxies/{}", st.none()), ("GET", "/metrics", st.none()),
            ("BREW", "/proxies", bodies), ("POST", "/populate", bodies), ("PUT", "/{}/{}", bodies),
        ])
    )  # fmt: skip
    path = path.replace("{}", "%s")
    path %= tuple(quote(draw(segments)) for _ in range(path.count("%s")))
    return method, path, json.dumps(draw(mostly(body, wrong=bodies))).encode()
