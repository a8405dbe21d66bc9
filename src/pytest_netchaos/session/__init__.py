"""One run of pytest: what its tests share, and what is said at its end."""
