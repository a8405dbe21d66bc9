"""Hooks and fixtures, and nothing else: what they need is imported when a test uses it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from . import marker, options

if TYPE_CHECKING:
    from .engines.base import Engine
    from .ledger import Ledger
    from .link import Link
    from .network import Network
    from .services.cluster import RedisCluster
    from .services.redis import RedisServer
    from .services.sentinel import RedisSentinel
    from .services.topology import MakeServer

_settings = pytest.StashKey[options.Settings]()
_standing = pytest.StashKey[tuple[marker.Standing, ...]]()
_network = pytest.StashKey["Network"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_addoption
    """
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, so that a wrong one ends the run before it begins.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_configure
    """
    config.stash[_settings] = options.resolve(config)
    config.addinivalue_line("markers", marker.HELP)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Read the markers, so that a wrong one ends the run before any test has run.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_collection_modifyitems
    """
    for item in items:
        if marks := [*item.iter_markers(marker.NAME)]:
            item.stash[_standing] = tuple(_parse(item, mark) for mark in marks)


def _parse(item: pytest.Item, mark: pytest.Mark) -> marker.Standing:
    try:
        return marker.parse(mark.args, dict(mark.kwargs))
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.{marker.NAME}: {error}") from None


def pytest_report_header(config: pytest.Config) -> str:
    """Say what a run can be repeated with.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_report_header
    """
    return f"netchaos: engine embedded, {options.SEED.flag}={config.stash[_settings].seed}"


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failed ``==`` with a matcher.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_assertrepr_compare
    """
    from .matchers.base import assertrepr  # noqa: PLC0415 - most failures have no matcher, and most runs no failure

    return assertrepr(op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the links saw to the report of a failed test.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_makereport
    """
    report = yield
    if report.failed and report.when == "call" and (network := item.stash.get(_network, None)) is not None:
        from .report.text import story  # noqa: PLC0415 - only where a test failed

        again = f"to draw the same random decisions again: {options.SEED.flag}={item.config.stash[_settings].seed}"
        report.sections.append(("netchaos", f"{story(network)}\n{again}"))
    return report


@pytest.fixture(scope="session")
def _netchaos_engine() -> Iterator[Callable[[], Engine]]:
    """Give the engine of this session: started on first use, and anew when it has died."""
    running: list[Engine] = []

    def engine() -> Engine:
        if not running or not running[-1].is_alive:
            from .engines.embedded import EmbeddedEngine  # noqa: PLC0415 - only where a link is made

            running.append(EmbeddedEngine())
        return running[-1]

    yield engine
    for each in running:
        each.stop()


@pytest.fixture
def netchaos(request: pytest.FixtureRequest, _netchaos_engine: Callable[[], Engine]) -> Iterator[Network]:
    """Links that can be cut, delayed and flapped: ``netchaos.link(server)``. All are healed and closed at the end."""
    from .network import Network, derive_seed  # noqa: PLC0415 - only where a test uses it

    settings = request.config.stash[_settings]
    standing = request.node.stash.get(_standing, ())
    seed = marker.seed_of(standing)
    if seed is None:
        seed = derive_seed(settings.seed, request.node.nodeid)
    network = Network(_netchaos_engine, seed, settings.timeout, standing)
    request.node.stash[_network] = network
    yield network
    network.close()


@pytest.fixture
def ledger(netchaos: Network) -> Ledger:
    """Records of what was sent and what arrived, for ``assert ledger == exactly_once()``."""
    from .ledger import Ledger  # noqa: PLC0415
    from .timeline import messages  # noqa: PLC0415

    made = Ledger(netchaos.outages)
    netchaos.record(lambda: messages(made.record()))
    return made


@pytest.fixture(scope="session")
def _netchaos_redis() -> Iterator[RedisServer]:
    """Give the Redis server of this session: started on first use, and anew by `redis_server` when a test killed it."""
    from .services.redis import RedisServer  # noqa: PLC0415 - only where a test uses it

    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_server(_netchaos_redis: RedisServer) -> RedisServer:
    """A real Redis (Valkey) server, empty at the start of each test: pause, resume, kill, restart."""
    _netchaos_redis.restore()
    return _netchaos_redis


@pytest.fixture
def redis_link(netchaos: Network, redis_server: RedisServer) -> Link:
    """A link in front of ``redis_server``: give your code ``redis_link.url("redis")``."""
    return netchaos.link(redis_server, name="redis")


@pytest.fixture(scope="session")
def _netchaos_redis_factory() -> MakeServer:
    """Make the members of Redis topologies: how, and of which program."""
    from .services.local import local_servers  # noqa: PLC0415 - only where a test uses it

    return local_servers()


@pytest.fixture
def redis_sentinel_factory(
    netchaos: Network, _netchaos_redis_factory: MakeServer
) -> Iterator[Callable[..., RedisSentinel]]:
    """Redis with sentinels, made to measure: ``redis_sentinel_factory(replicas=1, sentinels=5)``."""
    from .services.sentinel import RedisSentinel  # noqa: PLC0415 - only where a test uses it

    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(RedisSentinel(netchaos, _netchaos_redis_factory, **how))


@pytest.fixture
def redis_sentinel(redis_sentinel_factory: Callable[..., RedisSentinel]) -> RedisSentinel:
    """A Redis primary, two replicas and three sentinels, each behind a link: failover, kill_primary."""
    return redis_sentinel_factory()


@pytest.fixture
def redis_cluster_factory(
    netchaos: Network, _netchaos_redis_factory: MakeServer
) -> Iterator[Callable[..., RedisCluster]]:
    """Redis clusters, made to measure: ``redis_cluster_factory(nodes=5)``."""
    from .services.cluster import RedisCluster  # noqa: PLC0415 - only where a test uses it

    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(RedisCluster(netchaos, _netchaos_redis_factory, **how))


@pytest.fixture
def redis_cluster(redis_cluster_factory: Callable[..., RedisCluster]) -> RedisCluster:
    """A Redis cluster of three nodes, each behind a link: kill, restart, owner of a key."""
    return redis_cluster_factory()
