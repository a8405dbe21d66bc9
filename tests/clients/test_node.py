"""toxiproxy-node-client, from npm, driven by a small script."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("drive.js")


def test_it_can_do_all_that_it_can(api, node_modules):
    done = subprocess.run(
        ["node", SCRIPT, f"http://{api.where}", "127.0.0.1:9"],
        env={**os.environ, "NODE_PATH": node_modules}, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    slow = {"name": "slow", "type": "latency", "stream": "downstream", "toxicity": 1}
    assert json.loads(done.stdout) == {
        "version": ["version"],
        "created": {"name": "db", "listen": True, "upstream": "127.0.0.1:9", "enabled": True},
        "twice": "Request failed with status code 409",
        "found": True,
        "missing": "Request failed with status code 404",
        "toxic": {**slow, "attributes": {"latency": 30, "jitter": 0}},
        "updated": {**slow, "attributes": {"latency": 40, "jitter": 0}},
        "toxicFound": {**slow, "attributes": {"latency": 40, "jitter": 0}},
        "wrongType": "Request failed with status code 400",
        "toxicGone": "Request failed with status code 404",
        "disabled": [False, True],
        "reset": True,
        "populated": [["db", True], ["cache", False]],
        "all": ["cache", "db"],
        "none": {},
    }
