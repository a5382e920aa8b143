"""Processes are killed while jobs run, by a seed: what was acknowledged must end, once, with the same pictures."""
