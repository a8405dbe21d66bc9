"""``python -m pytest_netchaos serve``: Toxiproxy's API in front of our relay, without pytest."""

from __future__ import annotations

import sys

from .relay import clock

if __name__ == "__main__":
    clock.sharpen()
    from .serve import main  # after that: its modules take the clock as it is when they are loaded

    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:  # before it serves; then a signal is its way to end
        sys.exit(130)
