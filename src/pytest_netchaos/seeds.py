"""Seeds of parts, drawn from the seed of the whole. Pure."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str) -> int:
    """Derive the seed of one thing from the seed of a larger one, by name: in no order, and on any worker."""
    said = "\0".join([str(seed), *names]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big") >> 1
