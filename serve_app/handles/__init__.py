"""Calls between deployments: Ray's ways of failing brought down to two, and what is built on such calls."""
