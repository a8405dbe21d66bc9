"""Each story of `examples/stories` on a real Toxiproxy, in a container; the suite runs them on the embedded engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docker import require_docker

ROOT = Path(__file__).parents[2]
STORIES = sorted(path.parent.name for path in (ROOT / "examples" / "stories").glob("*/README.md"))


@pytest.mark.parametrize("story", STORIES)
def test_the_story_is_true_on_toxiproxy_in_a_container(story):
    require_docker()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--netchaos-engine=docker"]
    done = subprocess.run(
        [*command, f"examples/stories/{story}"],
        cwd=ROOT,
        env={**os.environ, "NETCHAOS_DOCKER": "require"},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout
