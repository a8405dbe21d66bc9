"""``python -m pytest_netchaos serve``: Toxiproxy's API in front of our relay, without pytest."""

from __future__ import annotations

import sys

from .serve import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
