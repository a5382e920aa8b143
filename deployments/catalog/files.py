"""What kinds of weights there are, by name."""

from pathlib import Path

CHECKPOINT = ".safetensors"
GGUF = ".gguf"
PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin", ".pkl"})


def is_file(weights: str) -> bool:
    """Whether ``weights`` names a single file, not a folder or a hub repository."""
    return Path(weights).suffix.lower() in {CHECKPOINT, GGUF}


def is_gguf(weights: str) -> bool:
    """Whether ``weights`` names a GGUF file."""
    return Path(weights).suffix.lower() == GGUF


def refuse_pickles(field: str, weights: str) -> None:
    """Raises ValueError if ``weights``, given as ``field``, names a pickle."""
    if (suffix := Path(weights).suffix.lower()) in PICKLES:
        raise ValueError(
            f"{field}: {weights} is a pickle ({suffix}), which can run any code when it is read; "
            f"allowed: a folder or repository in diffusers layout, {CHECKPOINT}, {GGUF}. "
            "safetensors' `convert.py` turns one into the other"
        )
