"""Figures in words."""


def milliseconds(seconds: float) -> str:
    """``0.1234`` as ``123 ms``."""
    return f"{1000 * seconds:.0f} ms"
