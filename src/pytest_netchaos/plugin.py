"""Hooks and fixtures, and nothing else: what they need is imported when a test uses it."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from . import hookspecs, options
from .marking import collecting, conditions, marker
from .marking.collecting import Collecting
from .marking.profile_source import ProfileSource
from .marking.repeated import Repeated
from .session import plugged_engines, run_seed, telling
from .session.redis_topologies import redis_cluster, redis_cluster_factory, redis_sentinel, redis_sentinel_factory
from .session.skipping import or_skip
from .session.stash import NETWORK, SETTINGS
from .session.summing import Summing
from .session.tallying import Tallying

if TYPE_CHECKING:
    from toxiproxy import Toxiproxy

    from .ledger import Ledger
    from .link import Link
    from .network import Network
    from .session.resources import Redis, Resources

_collecting = pytest.StashKey[Collecting]()
__all__ = ["redis_cluster", "redis_cluster_factory", "redis_sentinel", "redis_sentinel_factory"]

#: Of a test's setup and call; empty where it wasn't called.
_outcome = pytest.StashKey[str]()
#: The run's id, in its controlling process.
_run = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_addoption
    """
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks by which other plugins bring profiles and engines.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_addhooks
    """
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options, so that a wrong one ends the run before it begins.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_configure
    """
    settings = config.stash[SETTINGS] = options.resolve(config)
    config.stash[_collecting] = Collecting(settings, ProfileSource(config), options.given_in(config, options.PROFILE))
    config.stash[_run] = os.urandom(6).hex()
    config.addinivalue_line("markers", marker.HELP)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Repeated(options.in_force(settings)), "netchaos-repeated")
        config.pluginmanager.register(Summing(config, github=settings.github), "netchaos-summary")
    config.pluginmanager.register(Tallying(strict=settings.strict), "netchaos-tally")


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """List the profiles, if that was asked for, and do nothing else.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_cmdline_main
    """
    if not config.option.netchaos_profiles:
        return None
    from .marking.listing import listed  # noqa: PLC0415 - only for those who ask

    print(*listed(ProfileSource(config).all), sep="\n")  # noqa: T201 - what was asked for
    return 0


@pytest.hookimpl(trylast=True)  # what a marker adds to a test's id comes after the test's own parameters
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make several tests of one whose marker has a list or ``runs=``.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_generate_tests
    """
    metafunc.config.stash[_collecting].expand(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Read the markers, so that a wrong one ends the run before any test has run.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_collection_modifyitems
    """
    config.stash[_collecting].read(items)
    if (recorded := config.stash[SETTINGS].replay) is not None:
        collecting.check_replayed(config, recorded, items)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist's, which need not be there
    """Give each of xdist's workers the seed of the run.

    https://pytest-xdist.readthedocs.io/en/stable/how-to.html
    """
    run_seed.hand_over(node.config.stash[SETTINGS].seed, node.workerinput)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - xdist's, which need not be there
    """End the run if one of xdist's workers found a wrong marker.

    https://pytest-xdist.readthedocs.io/en/stable/how-it-works.html
    """
    collecting.raise_refusal(getattr(node, "workeroutput", {}))


@pytest.hookimpl(tryfirst=True)  # before xdist, which runs the tests and asks nobody after that
def pytest_runtestloop(session: pytest.Session) -> None:
    """Keep the seed for ``--netchaos-seed=last``.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtestloop
    """
    if not session.config.option.collectonly:
        run_seed.remember(session.config, session.config.stash[SETTINGS].seed)


def pytest_report_header(config: pytest.Config) -> str:
    """Say what a run can be repeated with.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_report_header
    """
    return options.header(config.stash[SETTINGS])


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failed ``==`` with a matcher.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_assertrepr_compare
    """
    from .matchers.base import assertrepr  # noqa: PLC0415 - most failures have no matcher, and most runs no failure

    return assertrepr(op, left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Find the marked tests that made no link, and the plans that weren't carried out.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_call
    """
    __tracebackhide__ = True
    result = yield
    network = item.stash.get(NETWORK, None)
    item.config.stash[_collecting].check_use(item, has_links=network is not None and bool(network.links))
    if network is not None:
        network.plans.finish(strict=item.config.stash[SETTINGS].strict)
        telling.warn_of_all(item, network.divergences())
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the links saw to the report of a failed test, and keep its outcome for the end of its network.

    https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtest_makereport
    """
    network = item.stash.get(NETWORK, None)
    if network is not None and (call.when == "call" or call.excinfo is not None):
        network.end_test()  # before pytest writes down a failure, which may take it a second
    report = yield
    conditions.note_run(item, report, item.config.stash[SETTINGS].seed)
    if report.when == "call" or (report.when == "setup" and not report.passed):
        item.stash[_outcome] = report.outcome
    if report.failed and network is not None and (report.when == "call" or network.links):
        from .report.section import add_replay, add_story  # noqa: PLC0415 - only where a test failed

        settings = item.config.stash[SETTINGS]
        add_story(item, report, network, options.in_force(settings), network.remarks())
        add_replay(item, report, settings)
    return report


@pytest.fixture(scope="session")
def _netchaos_resources(request: pytest.FixtureRequest) -> Iterator[Resources]:
    """Give what the tests of this process share; each part is started when it is first used."""
    from .session.resources import Resources  # noqa: PLC0415 - only where a test uses it

    config = request.config
    settings, report = config.stash[SETTINGS], telling.reporter(config)
    shared = Resources(settings, *_run_and_worker(config), report, partial(plugged_engines.plugged, config))
    yield shared
    shared.close()


def _run_and_worker(config: pytest.Config) -> tuple[str, str]:
    """Return the id of the run, the same in each of its processes, and the name of this one."""
    given = getattr(config, "workerinput", None)
    if given is None:
        return config.stash[_run], "main"
    return given["testrunuid"][:12], given["workerid"]


@pytest.fixture
def netchaos(request: pytest.FixtureRequest, _netchaos_resources: Resources) -> Iterator[Network]:
    """Links that can be cut, delayed and flapped: ``netchaos.link(server)``. All are healed and closed at the end."""
    from .network import Network  # noqa: PLC0415 - only where a test uses it
    from .recorded import RunOfTest  # noqa: PLC0415 - the same
    from .replaying import ReplayOfTest  # noqa: PLC0415 - the same
    from .report.export import export  # noqa: PLC0415 - the same

    settings = request.config.stash[SETTINGS]
    standings, of_run = request.config.stash[_collecting].in_force(request.node)
    recorded = conditions.replayed(request.node, settings.replay)
    seed = conditions.conditions_of(request.node).seed(settings.seed, request.node)
    network = Network(
        lambda: or_skip(settings, _netchaos_resources.engine),
        seed if recorded is None else recorded.seed,
        settings.timeout,
        standings,
        lambda: or_skip(settings, _netchaos_resources.docker, "auto"),
        of_run,
        None if recorded is None else ReplayOfTest(recorded, settings.timeout),
    )
    network.attend("redis", _netchaos_resources.redis_outages)
    request.node.stash[NETWORK] = network
    yield network
    outcome = request.node.stash.get(_outcome, "")
    run = RunOfTest(conditions.name_of(request.node), outcome, settings.seed, str(settings.engine))
    try:
        known = [(name, value) for name, value in request.node.user_properties if not name.startswith("netchaos_")]
        request.node.user_properties[:] = [
            *known,
            *export(network, run, settings.timeline, settings.replay_file),
        ]  # not twice in a rerun
    finally:
        network.close(passed=outcome == "passed")


@pytest.fixture
def ledger(request: pytest.FixtureRequest, netchaos: Network) -> Ledger:
    """Records of what was sent and what arrived, for ``assert ledger == exactly_once()``."""
    from .ledger import Ledger  # noqa: PLC0415

    made = Ledger(netchaos.outages, strict=request.config.stash[_collecting].is_strict(request.node))
    netchaos.keep(made)
    return made


@pytest.fixture
def redis_server(request: pytest.FixtureRequest, _netchaos_resources: Resources) -> Redis:
    """A real Redis (Valkey) server, empty at the start of each test: pause, resume, kill, restart."""
    server = or_skip(request.config.stash[SETTINGS], _netchaos_resources.redis)
    server.restore()
    return server


@pytest.fixture
def redis_link(netchaos: Network, redis_server: Redis) -> Link:
    """A link in front of ``redis_server``: give your code ``redis_link.url("redis")``, which has its database."""
    return netchaos.link(redis_server, name="redis")


@pytest.fixture
def toxiproxy(request: pytest.FixtureRequest, _netchaos_resources: Resources) -> Iterator[Toxiproxy]:
    """toxiproxy-python's client, bound to the running engine: the proxies that a test makes are gone after it."""
    from .services.toxiproxy.client import bound_client  # noqa: PLC0415 - only where a test uses it

    settings = request.config.stash[SETTINGS]
    engine = or_skip(settings, _netchaos_resources.engine)
    host, port, is_shared = engine.api(settings.seed)
    with bound_client(host, port, is_shared=is_shared, check=engine.check) as client:
        yield client
