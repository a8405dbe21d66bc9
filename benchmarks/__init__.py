"""How fast the plugin is: ``python -m benchmarks``, from the root of the repository.

Every figure stands beside a peer's that was measured in the same run, in turns: ratios travel, absolute figures don't.
"""
