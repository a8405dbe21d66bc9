"""Where the JSON timeline of a test goes: a file of its own, and never half of one."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

from ..errors import NetchaosError
from .json_write import pieces

if TYPE_CHECKING:
    from pathlib import Path

    from ..recorded import RecordedRun

#: Characters of the node id's end that a name shows. With the digest and a suffix it has 143 at most, which is what
#: eCryptfs allows; all other file systems of today allow 255 bytes.
_SHOWN = 116
#: Bytes of the digest that tells apart what looks the same in the name: with 2⁴⁰ of them, two of a thousand tests clash
#: once in two million runs.
_DIGEST = 5


def file_name(test: str) -> str:
    """Name the file of a test by its node id, in characters that every file system takes.

    The end of a long node id is what tells it from its neighbours, so that is kept.
    """
    said = test.encode("utf-8", "surrogatepass")
    shown = re.sub(r"[^A-Za-z0-9.=]+", "_", test)[-_SHOWN:].strip("._")
    return f"{shown or 'test'}-{hashlib.blake2b(said, digest_size=_DIGEST).hexdigest()}.json"


def write_timeline(directory: Path, recorded: RecordedRun) -> Path:
    """Write what was recorded into a directory, which is made if it is missing; return the file.

    A file of the same test is replaced, in one step: whoever reads at that time has the old one or the new one.

    Raises:
        NetchaosError: It can't be written.
    """
    path = directory / file_name(recorded.run.test)
    unfinished = directory / f".{path.name}.{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("w", encoding="ascii", newline="\n") as file:
                file.writelines(pieces(recorded))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise NetchaosError(f"the timeline of {recorded.run.test} can't be written to {path}: {error}") from error
    return path
