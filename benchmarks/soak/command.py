"""The command line: ``python -m benchmarks soak [--minutes N] [--seed N]``."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from pytest_netchaos.engines.embedded import EmbeddedEngine

from ..remote import Remote
from ..tcp import listen
from .churn import Churn
from .flat import growth
from .left import Before
from .mirror import Mirror
from .phase import Diary, Phase
from .toxics import Toxics

_CHURNS = 2
#: Seconds of a phase; and the fewest minutes of all, since memory takes some to settle.
_PHASE, _SHORTEST = 5.0, 3
#: What may be added after the warm-up, besides peaks: bytes of memory, and descriptors. A leak of 10 bytes for each
#: connection makes 1 MB in 10 minutes.
_MEMORY, _DESCRIPTORS = 1_000_000, 8
#: Troubles that the summary shows.
_SHOWN = 12


def main(arguments: Sequence[str]) -> int:
    """Soak, and print a summary; 1 if something grew, hung, was wrong or was left."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for how long (10)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="what all is drawn from")
    options = parser.parse_args(arguments)
    if not options.minutes >= _SHORTEST:
        parser.error(
            f"--minutes must be {_SHORTEST} at least, not {options.minutes:g}: memory takes that long to settle"
        )
    print(f"seed {options.seed}", file=sys.stderr)
    before, diary = Before(), Diary()
    began = time.monotonic()
    relay = _soak(options.minutes * 60, random.Random(options.seed), diary)
    troubles = [*diary.tally.troubles, *grown(diary)]
    troubles += [f"left at the end: {each}" for each in before.left(relay, diary.ports)]
    _summarize(diary, time.monotonic() - began)
    for each in troubles[:_SHOWN]:
        print(f"FAILED: {each}")
    if len(troubles) > _SHOWN:
        print(f"FAILED: … and {len(troubles) - _SHOWN:,} more")
    print(f"{'failed' if troubles else 'all well'}; to repeat: --seed {options.seed}")
    return int(bool(troubles))


def grown(diary: Diary) -> list[str]:
    """Say what has grown by more than it may."""
    found = []
    if (more := growth(diary.memory)) > _MEMORY:
        found.append(f"the relay's memory has grown by {more / 1e6:.1f} MB after the warm-up")
    if (more := growth(diary.descriptors)) > _DESCRIPTORS:
        found.append(f"the relay has {more:.0f} more descriptors than after the warm-up")
    return found


def _soak(seconds: float, chance: random.Random, diary: Diary) -> int:
    """Run phase after phase; return the process id that the relay had."""
    with ExitStack() as stack:
        server = stack.enter_context(listen())
        stack.enter_context(Remote(Mirror, server)).start("serve")
        churns = [stack.enter_context(Remote(Churn)) for _ in range(_CHURNS)]
        engine = EmbeddedEngine()
        stack.callback(engine.stop)
        toxics = _toxics(engine, diary, chance)
        stack.callback(toxics.close)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            phase = Phase(engine, server.getsockname(), churns, toxics, diary, chance)
            phase.run(_PHASE)
            _progress(diary)
        return engine.pid


def _toxics(engine: EmbeddedEngine, diary: Diary, chance: random.Random) -> Toxics:
    host, port, _ = engine.api(chance.getrandbits(32))
    return Toxics((host, port), diary.timed)


def _progress(diary: Diary) -> None:
    print(
        f"{diary.tally.visits:,} connections, {diary.memory[-1] / 1e6:.1f} MB, {diary.descriptors[-1]:.0f} descriptors"
        f"{'; troubles: ' + str(len(diary.tally.troubles)) if diary.tally.troubles else ''}",
        file=sys.stderr,
        flush=True,
    )


def _summarize(diary: Diary, seconds: float) -> None:
    tally = diary.tally
    ends = ", ".join(f"{count:,} {end}" for end, count in tally.ends.most_common())
    print(f"{seconds / 60:.1f} minutes: {tally.visits:,} connections ({ends}), {tally.bytes / 1e9:.2f} GB back")
    print(f"{diary.calls:,} calls, the slowest {diary.slowest * 1e3:.0f} ms")
    for what, samples, unit in (("memory", diary.memory, 1e6), ("descriptors", diary.descriptors, 1)):
        after = f"{growth(samples) / unit:+.2f} after the warm-up"
        print(f"relay's {what}{' in MB' if unit > 1 else ''}: first {samples[0] / unit:.1f}, {after}")
