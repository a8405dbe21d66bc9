"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: The same examples in each run, so that a change has broken what fails; and no judgement of a busy machine's speed,
#: which pytest-timeout looks after. ``--hypothesis-profile=explore`` tries others.
settings.register_profile("suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("suite"), derandomize=False, max_examples=1000)
settings.load_profile("suite")
