"""The embedded engine, the real Toxiproxy and a direct connection, side by side: ``python -m benchmarks compare``."""
