"""Benchmarks that a stranger can run: ``make bench``. Each writes what it measured to ``benchmarks/results/``."""
