"""How fast the plugin is: ``python -m benchmarks``, from the root of the repository.

Every figure stands beside a peer's that was measured in the same run, in turns: ratios travel, absolute figures don't.

- ``python -m benchmarks``: what the plugin costs.
- ``python -m benchmarks compare``: its engine beside the real Toxiproxy and a direct connection, in some three minutes.
- ``python -m benchmarks soak``: faults and churn for ten minutes, after which nothing may have grown.
"""
