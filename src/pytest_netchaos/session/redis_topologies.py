"""The fixtures of Redis with sentinels, and of Redis clusters. `plugin` has them from here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from .skipping import or_skip
from .stash import SETTINGS

if TYPE_CHECKING:
    from ..network import Network
    from ..services.cluster import RedisCluster
    from ..services.sentinel import RedisSentinel
    from .resources import Resources


@pytest.fixture
def redis_sentinel_factory(
    request: pytest.FixtureRequest, netchaos: Network, _netchaos_resources: Resources
) -> Iterator[Callable[..., RedisSentinel]]:
    """Redis with sentinels, made to measure: ``redis_sentinel_factory(replicas=1, sentinels=5)``."""
    from ..services.sentinel import RedisSentinel  # noqa: PLC0415 - only where a test uses it

    make = or_skip(request.config.stash[SETTINGS], _netchaos_resources.redis_factory)
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(RedisSentinel(netchaos, make, **how))


@pytest.fixture
def redis_sentinel(redis_sentinel_factory: Callable[..., RedisSentinel]) -> RedisSentinel:
    """A Redis primary, two replicas and three sentinels, each behind a link: failover, kill_primary."""
    return redis_sentinel_factory()


@pytest.fixture
def redis_cluster_factory(
    request: pytest.FixtureRequest, netchaos: Network, _netchaos_resources: Resources
) -> Iterator[Callable[..., RedisCluster]]:
    """Redis clusters, made to measure: ``redis_cluster_factory(nodes=5)``."""
    from ..services.cluster import RedisCluster  # noqa: PLC0415 - only where a test uses it

    make = or_skip(request.config.stash[SETTINGS], _netchaos_resources.redis_factory)
    with ExitStack() as stack:
        yield lambda **how: stack.enter_context(RedisCluster(netchaos, make, **how))


@pytest.fixture
def redis_cluster(redis_cluster_factory: Callable[..., RedisCluster]) -> RedisCluster:
    """A Redis cluster of three nodes, each behind a link: kill, restart, owner of a key."""
    return redis_cluster_factory()
