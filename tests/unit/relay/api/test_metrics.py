from __future__ import annotations

from types import SimpleNamespace

from pytest_netchaos.relay.api.metrics import Counter, Metrics


def connection(received, totals):
    return SimpleNamespace(received=lambda: received, totals=lambda: totals)


def test_what_is_over_and_what_is_live_are_added():
    counter = Counter()
    counter.add((5, 7), (4, 6, 9, 9))
    assert counter.read([(1, 2, 1, 1)]) == [6, 9, 5, 7]
    assert counter.read([]) == [6, 9, 5, 7]


def test_a_counter_never_goes_backwards():
    counter = Counter()
    assert counter.read([(10, 10, 10, 10)]) == [10, 10, 10, 10]
    counter.add((3, 12), (3, 12, 0, 0))
    assert counter.read([]) == [10, 12, 10, 12]


def test_the_text_is_what_prometheus_reads():
    metrics = Metrics(of_proxies=True, of_runtime=False)
    counter = metrics.counter('a"b\\c\nd', "127.0.0.1:1", "u:2")
    live = SimpleNamespace(counter=counter, connections={1: connection((3, 4), (1, 2, 0, 0))})
    labels = r'listener="127.0.0.1:1",proxy="a\"b\\c\nd",upstream="u:2"'
    assert metrics.render([live]).decode().splitlines() == [
        "# HELP toxiproxy_proxy_received_bytes_total ",
        "# TYPE toxiproxy_proxy_received_bytes_total counter",
        f'toxiproxy_proxy_received_bytes_total{{direction="downstream",{labels}}} 4',
        f'toxiproxy_proxy_received_bytes_total{{direction="upstream",{labels}}} 3',
        "# HELP toxiproxy_proxy_sent_bytes_total ",
        "# TYPE toxiproxy_proxy_sent_bytes_total counter",
        f'toxiproxy_proxy_sent_bytes_total{{direction="downstream",{labels}}} 2',
        f'toxiproxy_proxy_sent_bytes_total{{direction="upstream",{labels}}} 1',
    ]


def test_a_proxy_that_comes_back_goes_on_counting():
    metrics = Metrics(of_proxies=True, of_runtime=False)
    metrics.counter("a", "l", "u").add((5, 0), (5, 0, 0, 0))
    assert metrics.counter("a", "l", "u").read([]) == [5, 0, 5, 0]
    assert metrics.counter("a", "l", "other").read([]) == [0, 0, 0, 0]


def test_what_is_switched_off_isnt_counted():
    metrics = Metrics(of_proxies=False, of_runtime=True)
    assert metrics.counter("a", "l", "u") is None
    said = metrics.render([]).decode()
    assert "process_cpu_seconds_total " in said
    assert "toxiproxy" not in said
