"""Where the demo weights are: a folder in the user's cache, built on first use."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from deployments.catalog import DEMO_OVERRIDES, OVERRIDES_FILE

VERSION = 1
"""Raise it when :mod:`deployments.demo.build` changes what it builds: older folders are then no longer looked at."""


def demo_folder(model: str, cache: Path | None = None) -> Path:
    """The folder of ``model``'s demo weights, built now if it is not there yet (seconds).

    Safe to call from several processes at once: each builds beside the others, and the first rename wins.

    Args:
        model: an id of the catalog.
        cache: the folder that holds all demo weights; one in the user's cache directory if absent.

    Raises:
        KeyError: there are no demo weights for ``model``.
    """
    root = (cache or user_cache_path("darkroom") / "demo") / f"v{VERSION}"
    folder = root / model
    if folder.is_dir():
        return folder
    from deployments.demo.build import BUILDERS, build_pipeline, fit_latent_rgb  # here: they import torch

    if model not in BUILDERS:
        raise KeyError(f"no demo weights for {model!r}; there are: {', '.join(BUILDERS)}")
    root.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{model}-", dir=root))
    try:
        pipeline = build_pipeline(model)
        pipeline.save_pretrained(scratch, safe_serialization=True)
        (scratch / "latent_rgb.json").write_text(json.dumps(fit_latent_rgb(pipeline.vae)))
        (scratch / OVERRIDES_FILE).write_text(json.dumps(dict(DEMO_OVERRIDES), indent=2))
        scratch.chmod(0o755)  # mkdtemp makes it private; a cache may be shared between users
        os.rename(scratch, folder)  # noqa: PTH104  (unlike Path.replace, fails if the folder is there already)
    except OSError:
        if not folder.is_dir():  # else another process was first, with the same bytes
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder
