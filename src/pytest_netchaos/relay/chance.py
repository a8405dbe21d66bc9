"""Random decisions as pure functions of what they are about.

A decision is a hash of (seed, link, fault, direction, connection, step), never the next number of a shared stream: so
no interleaving of connections, and no other fault, can change it.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1


def mix(*keys: int) -> int:
    """Hash ``keys`` to 64 bits with SplitMix64's finalizer (Steele, Lea and Flood, OOPSLA 2014)."""
    state = 0
    for key in keys:
        state = (state + (key & _MASK) + 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return state


def draw(*keys: int) -> float:
    """Draw a number from [0, 1), always the same one for the same ``keys``."""
    return (mix(*keys) >> 11) / (1 << 53)
