"""Where the demo weights are: the trained ones, or, until there are any, untrained ones in the user's cache."""

import os
import shutil
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

WEIGHTS = Path(__file__).parent / "weights"
"""A folder for each trained model, in diffusers layout. What they share is stored once and linked."""

VERSION = 3
"""Raise it when what is built changes: older folders are then no longer looked at."""


def demo_folder(model: str, cache: Path | None = None) -> Path:
    """The folder of ``model``'s demo weights.

    Where none were trained (``make weights``), a model with random weights is built now (seconds). Safe to call from
    several processes at once: each builds beside the others, and the first rename wins.

    Args:
        model: an id of the catalog.
        cache: the folder that holds untrained weights; one in the user's cache directory if absent.

    Raises:
        KeyError: there are no demo weights for ``model``.
    """
    if (WEIGHTS / model / "model_index.json").is_file():
        return WEIGHTS / model
    root = (cache or user_cache_path("darkroom") / "demo") / f"v{VERSION}"
    folder = root / model
    if folder.is_dir():
        return folder
    from deployments.demo.training.export import write_untrained  # here: it imports torch

    root.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{model}-", dir=root))
    try:
        write_untrained(model, scratch)
        scratch.chmod(0o755)  # mkdtemp makes it private; a cache may be shared between users
        os.rename(scratch, folder)  # noqa: PTH104  (unlike Path.replace, fails if the folder is there already)
    except OSError:
        if not folder.is_dir():  # else another process was first, with the same bytes
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder
