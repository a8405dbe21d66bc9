"""Faults and churn for minutes on end, and nothing that grows: ``python -m benchmarks soak``."""
