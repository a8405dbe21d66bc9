"""Hand on what a test's links saw: to the test's report, and on request to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .junit import properties

if TYPE_CHECKING:
    from pathlib import Path

    from ..network import Network
    from ..recorded import RunOfTest


def export(
    network: Network, run: RunOfTest, directory: Path | None, replayed: Path | None = None
) -> list[tuple[str, str]]:
    """Write the timeline of a test that has ended, if a directory was named; return the properties of its report.

    The file that is being replayed isn't written over: it is what a further replay needs.

    Raises:
        NetchaosError: The timeline can't be written.
    """
    path = None
    if directory is not None:
        from ..recorded import capture  # noqa: PLC0415 - only on request
        from .json_files import file_name, write_timeline  # noqa: PLC0415 - the same

        if directory / file_name(run.test) != replayed:
            path = write_timeline(directory, capture(network, run))
    return properties(network.seed, network.histories(), path)
